/**
 * Words of a text as jieba cuts them (`jieba.cut`, its default mode): Chinese by dictionary and hidden Markov model, other
 * scripts letter by letter, Latin letters and digits in runs.
 *
 * jieba-rs does the cutting inside of a run of Chinese and Latin characters; the text is taken apart here, since its ranges of
 * characters are wider than Python's, and a run of Latin characters put right, since its regular expression for them has
 * a dot that Python's escapes (`Q4_0` would be one word).
 * @module
 */
import { cut } from "jieba-wasm";

/** Runs of characters that jieba looks words up in; `re_han_default`. */
const RUN = /([\u4E00-\u9FD5a-zA-Z0-9+#&._%-]+)/;
const LATIN = /^[a-zA-Z0-9+#&._%-]+$/;
/** A word that jieba-rs leaves whole and Python doesn't. */
const JOINED = /^[a-zA-Z0-9]+[^a-zA-Z0-9.]\d+%?$/;
/** Python's words of a Latin run, and what lies between; `finalseg.re_skip`. */
const SKIP = /([a-zA-Z0-9]+(?:\.\d+)?%?)/;

/** The words, white space and punctuation among them; joined they are the text. */
export function cutWords(text: string): string[] {
  return text.split(RUN).flatMap((part, i) => i % 2 === 1 ? cutRun(part) : part.match(/\r\n|[^]/gu) ?? []);
}

function cutRun(run: string): string[] {
  const words: string[] = [];
  let latin: string[] = [];
  const flush = () => {
    const isWrong = latin.some((word) => JOINED.test(word));
    words.push(...isWrong ? latin.join("").split(SKIP).filter((word) => word !== "") : latin);
    latin = [];
  };
  for (const word of cut(run, true)) {
    if (LATIN.test(word)) latin.push(word);
    else {
      flush();
      words.push(word);
    }
  }
  flush();
  return words;
}
