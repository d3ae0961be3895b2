/**
 * A judge's text in the form that the readers expect: ASCII instead of its full-width twins, and no run of white space longer
 * than one character, so that no pattern can take more than linear time on blanks.
 * @module
 */

const BRACKETS: ReadonlyMap<string, string> = new Map([["【", "["], ["】", "]"], ["〔", "["], ["〕", "]"]]);

/** Folds a text, see the module's text. A line break stays one line break, other white space becomes one blank. */
export function foldJudgeText(text: string): string {
  return text
    .replace(
      /[！-～【】〔〕]/g,
      (char) => BRACKETS.get(char) ?? String.fromCharCode(char.charCodeAt(0) - 0xfee0),
    )
    .replace(/\s+/g, (blank) => /[\n\r\u2028\u2029]/.test(blank) ? "\n" : " ");
}
