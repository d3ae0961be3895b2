/**
 * Styles of pages that are one file with everything in it.
 * @module
 */

/** Colours, controls and parts of a report: what the stylesheets of all pages and the report's own say. */
export function reportStyles(): string {
  return ["tokens.css", "controls.css", "../../eval/report/page.css"].map((name) =>
    Deno.readTextFileSync(new URL(name, import.meta.url))
  ).join("");
}
