// The list of runs: which are drawn, in which colour, how far they are.
import { el, refill } from "../dom.js";
import { colorOf } from "../../../common/page/colors.js";
import { short } from "../format.js";
import { progressText, stateChip } from "../run_state.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/**
 * Makes the list.
 * @param {{onpick: (picked: Set<string>) => void, colorOf: (run: string) => number}} options
 */
export function makeRunList({ onpick, colorOf: indexOf }) {
  const search = el("input", {
    type: "search",
    placeholder: "Filter runs",
    "aria-label": "Filter runs",
    oninput: () => draw(),
  });
  const rows = el("div", { class: "rows", role: "group", "aria-label": "Runs" });
  const count = el("div", { class: "count", role: "status" });
  let runs = [], picked = new Set();

  const matching = () => {
    const wanted = search.value.trim().toLowerCase();
    return runs.filter(({ name }) => name.toLowerCase().includes(wanted));
  };
  const pick = (ids) => {
    picked = new Set(ids);
    onpick(picked);
    draw();
  };
  const pickOne = (id, isPicked) =>
    pick(isPicked ? [...picked, id] : [...picked].filter((one) => one !== id));

  function draw() {
    refill(
      rows,
      matching().map((run) => {
        const isPicked = picked.has(run.id);
        const color = isPicked ? colorOf(indexOf(run.id), dark.matches) : "transparent";
        return runRow(run, { isPicked, color, onchange: (now) => pickOne(run.id, now) });
      }),
    );
    count.textContent = `${picked.size} of ${runs.length} runs are drawn`;
  }

  const all = () => pick([...picked, ...matching().map(({ id }) => id)]);
  return {
    node: el(
      "section",
      { class: "card list runs", "aria-label": "Runs" },
      el(
        "div",
        { class: "tools" },
        search,
        el(
          "div",
          { class: "buttons" },
          el("button", { type: "button", onclick: all }, "All"),
          el("button", { type: "button", onclick: () => pick([]) }, "None"),
          configurationsLink(() => picked),
        ),
        count,
      ),
      rows,
    ),
    show(list, chosen) {
      runs = list;
      picked = chosen;
      draw();
    },
  };
}

function runRow(run, { isPicked, color, onchange }) {
  return el(
    "div",
    { class: "runrow" },
    el(
      "label",
      null,
      el("input", {
        type: "checkbox",
        checked: isPicked,
        "data-keep": `pick ${run.id}`,
        onchange: (event) => onchange(event.target.checked),
      }),
      el("i", { class: "swatch", style: { background: color } }),
      el("span", { class: "name" }, run.name),
    ),
    el(
      "span",
      { class: "meta" },
      stateChip(run.state),
      ` ${progressText(run)}`,
      run.values.loss === undefined ? "" : `, loss ${short(run.values.loss)}`,
    ),
    el(
      "a",
      {
        href: `#/run?run=${encodeURIComponent(run.id)}`,
        "aria-label": `Details of ${run.name}`,
        "data-keep": `open ${run.id}`,
      },
      "details",
    ),
  );
}

/** The picked runs' configurations beside each other; they are looked up when it is followed. */
function configurationsLink(picked) {
  return el("a", {
    class: "button",
    href: "#/config",
    onclick: (event) =>
      event.currentTarget.href = `#/config?${new URLSearchParams([...picked()].map((id) => ["run", id]))}`,
  }, "Configurations");
}
