/**
 * Pictures as SVG, drawn by Vega from Vega-Lite specifications.
 * @module
 */

import { createHash } from "node:crypto";

/** Characters that Vega's expressions or an SVG file can't hold. */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u2028\u2029\ufffe\uffff]/g;

/** Such characters as their code, such as `\u2028`, so that names that differ in them stay apart. */
function printable(text: string): string {
  return text.toWellFormed().replace(
    UNPRINTABLE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The picture with ids of its own: Vega counts its clippings through a process, so that a second report would differ from the first.
 * Pictures on one page mustn't share ids, so that they begin with a hash of what is drawn.
 */
function withOwnIds(svg: string): string {
  const ids = new Map<string, number>();
  const numbered = svg.replace(/(?<=\bid="|url\(#)(?:clip|gradient_)\d+(?=["\)])/g, (id) => {
    if (!ids.has(id)) ids.set(id, ids.size);
    return `\0${ids.get(id)}`;
  });
  const hash = createHash("sha256").update(numbered).digest("hex").slice(0, 8);
  return numbered.replaceAll("\0", `d${hash}-`);
}

/**
 * SVG text of a Vega-Lite specification, the same for the same one. Vega is heavy, so it is loaded when something is drawn. Its warnings,
 * one for every size that follows from the number of bars, aren't shown.
 */
export async function vegaSvg(specification: Record<string, unknown>): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const plain = JSON.parse(
    JSON.stringify(specification, (_, value) => typeof value === "string" ? printable(value) : value),
  ) as Parameters<typeof vegaLite.compile>[0];
  const { spec } = vegaLite.compile(plain, { logger: vega.logger(vega.Error) });
  const view = new vega.View(vega.parse(spec), { renderer: "none" });
  try {
    return withOwnIds(await view.toSVG());
  } finally {
    view.finalize();
  }
}
