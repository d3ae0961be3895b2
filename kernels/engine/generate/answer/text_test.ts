import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { loadTokenizerSync } from "../../../../formats/tokenizer/mod.ts";
import { TextStream } from "./text.ts";

const folder = new URL("../../../../fixtures/constraints/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(folder);
const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: true });

/** Pieces, the text and the stop text that a stream gives. */
function run(ids: readonly number[], stops: readonly string[] = []) {
  const stream = new TextStream(decode, stops), pieces: string[] = [];
  for (const id of ids) pieces.push(stream.push(id));
  pieces.push(stream.end());
  return { pieces, text: stream.text, stop: stream.stop };
}

/** Text of all ids, without a character whose last bytes never came. */
const decodeWhole = (ids: readonly number[]) => decode(ids).replace(/\uFFFD+$/, "");

Deno.test("TextStream gives the whole text in pieces, for any ids", () => {
  const ids = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 40 });
  fc.assert(fc.property(ids, (list) => {
    const { pieces, text } = run(list);
    assertEquals(text, decodeWhole(list));
    assertEquals(pieces.join(""), text);
  }));
});

Deno.test("TextStream holds back characters whose bytes aren't all there", () => {
  const ids = tokenizer.encode("é漢🙂");
  assert(ids.length > 3, "the tokenizer splits these characters");
  const { pieces, text } = run(ids);
  assertEquals(text, "é漢🙂");
  assert(pieces.every((piece) => !piece.includes("\uFFFD")));
  assert(pieces.filter((piece) => piece !== "").length <= 3, "no piece is a part of a character");
  // an answer may be cut within one
  assertEquals(run(ids.slice(0, -1)), { pieces: [...pieces.slice(0, -2), ""], text: "é漢", stop: null });
});

for (const name of ["tiny", "tiny-gpt2", "tiny-sp"]) {
  Deno.test(`TextStream gives the text that ${name} decodes, of characters that are bytes as well`, () => {
    const root = new URL("../../../../fixtures/goldens/tokenizers/", import.meta.url).pathname;
    const other = loadTokenizerSync(`${root}${name}`);
    const decodeOther = (ids: readonly number[]) => other.decode(ids, { skipSpecial: true });
    const units = ["🙂", "👩‍👩‍👧", "你好", "𐐀", "é", " ", "the", "\n", "न", "a"];
    const texts = fc.array(fc.constantFrom(...units), { maxLength: 20 }).map((list) => list.join(""));
    fc.assert(fc.property(texts, (text) => {
      const ids = other.encode(text), stream = new TextStream(decodeOther, []);
      const pieces = ids.map((id) => stream.push(id));
      assertEquals(pieces.join("") + stream.end(), decodeOther(ids));
    }));
  });
}

Deno.test("TextStream ends before the first stop text, wherever tokens end", () => {
  const text = "one two three four five";
  const ids = tokenizer.encode(text);
  for (
    const [stops, expected, stop] of [
      [["three"], "one two ", "three"],
      [["five", "wo thr"], "one t", "wo thr"],
      [["one"], "", "one"],
      [["six", "five!"], text, null],
    ] as const
  ) {
    const result = run(ids, stops);
    assertEquals([result.text, result.stop], [expected, stop]);
    assertEquals(result.pieces.join(""), expected, "nothing of the stop text was given");
  }
});

Deno.test("TextStream looks for stop texts only behind minTokens", () => {
  const ids = tokenizer.encode("one two one two one");
  const first = tokenizer.encode("one two").length, stream = new TextStream(decode, ["one"], first);
  const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
  assertEquals([stream.text, stream.stop, pieces.join("")], ["one two ", "one", "one two "]);
});

Deno.test("TextStream equals cutting the whole text, for any text and stops", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "é", " "), minLength: 1, maxLength: 4 });
  const stops = fc.array(word, { maxLength: 3 });
  fc.assert(fc.property(fc.array(word, { maxLength: 12 }), stops, (words, stops) => {
    const ids = words.flatMap((w) => tokenizer.encode(w)), whole = decode(ids);
    const { pieces, text, stop } = run(ids, stops);
    const ends = stops.map((s) => whole.indexOf(s)).filter((index) => index >= 0);
    // Tokens come one by one, so the stop that is complete first counts, and that is the one that ends first.
    const first = Math.min(...stops.map((s) => whole.includes(s) ? whole.indexOf(s) + s.length : Infinity));
    if (ends.length === 0) assertEquals([text, stop], [whole, null]);
    else {
      assert(stop !== null && whole.startsWith(text + stop), `${JSON.stringify([whole, text, stop])}`);
      assert(text.length <= first, "no later than the first complete stop");
      assert(stops.every((s) => !text.includes(s)), "no stop stays in the text");
    }
    assertEquals(pieces.join(""), text);
  }));
});
