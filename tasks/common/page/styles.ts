/**
 * Styles of pages that are one file with everything in it.
 * @module
 */

/** Colours and parts of a report: what `tokens.css` and the report's own stylesheet say. */
export function reportStyles(): string {
  return ["tokens.css", "../../eval/report/page.css"].map((name) =>
    Deno.readTextFileSync(new URL(name, import.meta.url))
  ).join("");
}
