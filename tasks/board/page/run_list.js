// The list of runs: which are drawn, in which colour, how far they are.
import { el, refill } from "./dom.js";
import { colorOf } from "../../common/page/colors.js";
import { duration, short } from "./format.js";

/** Texts of a run's state. */
export const STATES = { running: "running", finished: "finished", stopped: "stopped" };

/** The state as a chip. */
export function stateChip(state) {
  return el(
    "span",
    { class: `chip ${{ running: "run", finished: "pass", stopped: "" }[state]}` },
    STATES[state],
  );
}

/** Progress of a run in words. */
export function progressText({ step, totalSteps, secondsLeft }) {
  const steps = totalSteps ? `${step ?? 0} of ${totalSteps}` : `${step ?? 0} steps`;
  return secondsLeft === null ? steps : `${steps}, ${duration(secondsLeft)} left`;
}

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

  function draw() {
    const some = matching();
    refill(
      rows,
      some.map((run) =>
        el(
          "div",
          { class: "runrow" },
          el(
            "label",
            null,
            el("input", {
              type: "checkbox",
              checked: picked.has(run.id),
              "data-keep": `pick ${run.id}`,
              onchange: (event) =>
                pick(event.target.checked ? [...picked, run.id] : [...picked].filter((id) => id !== run.id)),
            }),
            el("i", {
              class: "swatch",
              style: {
                background: picked.has(run.id) ? colorOf(indexOf(run.id), dark.matches) : "transparent",
              },
            }),
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
        )
      ),
    );
    count.textContent = `${picked.size} of ${runs.length} runs are drawn`;
  }

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
          el("button", {
            type: "button",
            onclick: () => pick([...picked, ...matching().map(({ id }) => id)]),
          }, "All"),
          el("button", { type: "button", onclick: () => pick([]) }, "None"),
          el("a", {
            class: "button",
            href: "#/config",
            onclick: (event) => {
              event.currentTarget.href = `#/config?${
                [...picked].map((id) => `run=${encodeURIComponent(id)}`).join("&")
              }`;
            },
          }, "Configurations"),
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
