// A dry run of the form's values, and the start of a training with them.
import { post } from "../api.js";
import { el, table } from "../dom.js";
import { bytes, compact, duration } from "../format.js";

/**
 * The buttons: values can be started once they were tried and as long as they are the same.
 * @param {{file: () => object, fault: (error: Error) => void}} form `file` gives the values now
 */
export function startButtons({ file, fault }) {
  const dry = el("button", { type: "button", class: "main", onclick: tryIt }, "Dry run");
  const start = el("button", { type: "button", class: "main", disabled: true, onclick: startIt }, "Start");
  const result = el("div", { role: "status" });
  let turn = 0;
  const hint = (text) => result.replaceChildren(el("p", { class: "hint" }, text));
  const wrong = (error) => result.replaceChildren(el("p", { class: "wrong" }, error.message));

  async function tryIt() {
    const mine = turn;
    dry.disabled = true;
    hint("Model and data are read");
    try {
      const found = await post("control/dry_run", { file: file() });
      if (mine !== turn) return result.replaceChildren();
      result.replaceChildren(...dryRunView(found));
      start.disabled = false;
    } catch (error) {
      wrong(error);
    } finally {
      dry.disabled = false;
    }
  }

  async function startIt() {
    start.disabled = true;
    try {
      await post("control/start", { file: file() });
      hint("Started: see below.");
    } catch (error) {
      fault(error);
    }
  }

  return {
    node: el("div", { class: "buttons" }, dry, start),
    /** Where it is told what came of them. */
    result,
    hint,
    wrong,
    /** The values have changed: what was tried are others. */
    changed() {
      turn++;
      start.disabled = true;
    },
  };
}

/** Findings of a dry run. */
function dryRunView({ estimate, data, notes }) {
  const { parameters, trained, steps, memory, place, time } = estimate;
  return [
    table({
      caption: "Findings of the dry run",
      left: 2,
      columns: ["of the run", "value"],
      rows: [
        ["weights", compact(parameters)],
        ["of these trained", compact(trained)],
        ["steps", steps],
        [place === "host" ? "memory" : "memory of the device", bytes(memory.total)],
        ["time", time === null ? "not known" : duration(time.total)],
      ],
    }),
    el("pre", { class: "raw", tabIndex: 0 }, [data, ...notes.map((note) => `note: ${note}`)].join("\n")),
  ];
}
