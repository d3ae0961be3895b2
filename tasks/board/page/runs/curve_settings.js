// How curves are drawn: over what, how smooth, on which scale; and how an address says so.
import { el, field, later, select } from "../dom.js";

const AXES = { step: "steps", tokens: "tokens", time: "time" };
const SMOOTH = 0.6;

/** Settings of an address. */
export function settingsOf(params) {
  return {
    over: params.get("over") ?? "step",
    log: params.get("log") === "1",
    smooth: Number(params.get("smooth") ?? SMOOTH),
  };
}

/** The address of drawn runs; what isn't said there is as in `settingsOf()` of nothing. */
export function paramsOf(runs, { over, log, smooth }) {
  const params = new URLSearchParams();
  for (const run of runs) params.append("run", run);
  if (over !== "step") params.set("over", over);
  if (log) params.set("log", "1");
  if (smooth !== SMOOTH) params.set("smooth", smooth);
  return params;
}

/**
 * Fields for the settings.
 * @param {(changed: {over?: string, log?: boolean, smooth?: number}) => void} onchange
 */
export function settingsFields({ over, log, smooth }, onchange) {
  const smoothing = el("input", {
    type: "range",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: smooth,
    oninput: later(80, () => onchange({ smooth: Number(smoothing.value) })),
  });
  const logarithmic = el("input", {
    type: "checkbox",
    checked: log,
    onchange: () => onchange({ log: logarithmic.checked }),
  });
  return el(
    "div",
    { class: "controls", role: "group", "aria-label": "How curves are drawn" },
    field("Over", select(AXES, over, (now) => onchange({ over: now }))),
    field("Smooth", smoothing),
    el("label", { class: "field check" }, logarithmic, el("span", null, "Logarithmic")),
  );
}
