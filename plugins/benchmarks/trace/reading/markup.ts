/**
 * A judge's text without the HTML and XML that it may be laid out with: a line per list item, paragraph and score, a `|` before
 * each cell of a table.
 * @module
 */

/** Attributes are bounded, so that no text of open angle brackets takes more than linear time. */
const TAG = /<(\/?)([a-z][a-z0-9]{0,15})((?: [^<>]{0,160})?)>/gi;
/** A score's tag within a cell of a table. */
const IN_CELL = /(?<=\|[^\n|<]{0,40}(?:<score>[^\n|<]{0,40})?)<\/?score>(?=[^\n|]{0,40}\|)/gi;
const INLINE = new Set(["b", "strong", "i", "em", "u", "span", "font", "mark", "code", "a"]);
const LINES = new Set(
  ("h1 h2 h3 h4 h5 h6 p div br hr ul ol li dl dt dd pre table thead tbody tr th td score scores constraint criterion item " +
    "section body html").split(" "),
);

/** Removes the tags that are known; others, such as `<fine_grained_score>`, stay. */
export function withoutMarkup(text: string): string {
  return text.replace(IN_CELL, "").replace(
    TAG,
    (whole: string, close: string, name: string, attributes: string) => {
      const tag = name.toLowerCase();
      if (INLINE.has(tag)) return "";
      if (!LINES.has(tag)) return whole;
      if (tag === "td" || tag === "th") return close ? "" : "|";
      if (tag === "tr" && close) return "|\n";
      // <constraint id="2">8</constraint>
      const [, id] =
        (tag === "constraint" || tag === "criterion" || tag === "item" || tag === "score") && close === ""
          ? /\b(?:id|number|index|name|constraint|criterion)=["']?([^"'<>]{1,120})/i.exec(attributes) ?? []
          : [];
      return id === undefined ? "\n" : `\n${id.trim()}: `;
    },
  ).replace(/\s+/g, (blank) => blank.includes("\n") ? "\n" : " ");
}
