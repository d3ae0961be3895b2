// Values under a chart's cursor. Its elements are made once: a frame changes their texts only.
import { el } from "../dom.js";
import { colorOf } from "../../../common/page/colors.js";
import { placeOf, valueOf } from "../format.js";

/** Runs named under the cursor; the rest is counted. */
export const NAMED = 12;

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Makes the line below a chart. @param {string} name Of the values */
export function makeReadout(name) {
  const hint = el(
    "span",
    { class: "hint" },
    "Drag, or Ctrl with the wheel, to zoom; double click shows all. Keys: arrows move, + and − zoom, Escape shows all.",
  );
  const place = el("b", null), more = el("span", null);
  const parts = Array.from({ length: NAMED }, () => {
    const swatch = el("i", null), run = el("span", null), value = el("b", null);
    return { swatch, run, value, node: el("span", { class: "under" }, swatch, run, value) };
  });
  const values = el("div", { class: "values", hidden: true }, place, parts.map(({ node }) => node), more);
  const node = el("div", { class: "readout", "aria-live": "off" }, hint, values);
  return {
    node,
    /** Shows the hint. */
    rest() {
      hint.hidden = false;
      values.hidden = true;
    },
    /** Shows values at a place of the view, the highest first. */
    show({ runs, view, over, colorOf: color, nameOf }, index) {
      const found = [];
      for (let i = 0; i < runs.length; i++) {
        const value = nearest(view.lines[i], index);
        if (value !== null) found.push([i, value]);
      }
      found.sort((a, b) => b[1] - a[1]);
      set(place, `${over} ${placeOf(over, view.x[index])}`);
      for (const [n, part] of parts.entries()) {
        part.node.hidden = n >= found.length;
        if (part.node.hidden) continue;
        const [i, value] = found[n];
        part.swatch.style.background = colorOf(color(runs[i]), dark.matches);
        set(part.run, `${nameOf(runs[i])} `);
        set(part.value, valueOf(name, value));
      }
      more.hidden = found.length <= NAMED;
      set(more, `and ${found.length - NAMED} more`);
      hint.hidden = true;
      values.hidden = false;
    },
  };
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A line has no value where only others have one: the nearest within a few places counts. */
function nearest(line, index) {
  for (let away = 0; away < 6; away++) {
    const value = line[index - away] ?? line[index + away] ?? null;
    if (value !== null) return value;
  }
  return null;
}
