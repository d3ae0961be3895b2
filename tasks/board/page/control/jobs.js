// Trainings that were started here: how far each is, its output, and a way to stop it.
import { get, post } from "../api.js";
import { el } from "../dom.js";
import { titleOf, valueOf } from "../format.js";
import { progressText } from "../run_state.js";

/** Last values that are told of a training. */
const TOLD = ["loss", "reward", "rewards/margins", "throughput", "memory"];

/** Makes the list; it is filled by every `show()`. */
export function makeJobList(news) {
  const none = el("p", { class: "hint" }, "Nothing yet.");
  const node = el("div", null, none), made = new Map();
  return {
    node,
    show() {
      none.hidden = news.jobs.length > 0;
      for (const job of news.jobs) {
        if (!made.has(job.id)) {
          made.set(job.id, makeJob(job, news));
          node.prepend(made.get(job.id).node);
        }
        made.get(job.id).show(job);
      }
    },
  };
}

/** A button that is a training's Ctrl-C; it is never pressed in vain. */
export function stopButton(id, news) {
  const stop = el("button", {
    type: "button",
    onclick: () => {
      stop.disabled = true;
      stop.textContent = "Stopping";
      post("control/stop", { id }).catch((error) => {
        stop.disabled = false;
        stop.textContent = "Stop";
        news.fault(error);
      });
    },
  }, "Stop");
  return stop;
}

function makeJob({ id, name, run }, news) {
  const chip = el("span", { class: "chip" }), how = el("p", { class: "note", role: "status" });
  const log = el("pre", { class: "raw", tabIndex: 0, hidden: true, "aria-label": `Output of ${name}` });
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` });
  const read = async () => log.textContent = (await get("control/log", { id })).log || "Nothing yet";
  const output = el("button", {
    type: "button",
    "aria-expanded": "false",
    onclick: async () => {
      try {
        if (log.hidden) await read();
        log.hidden = !log.hidden;
        output.setAttribute("aria-expanded", String(!log.hidden));
      } catch (error) {
        news.fault(error);
      }
    },
  }, "Output");
  const stop = stopButton(id, news);
  const query = `run=${encodeURIComponent(run)}`;
  const links = el(
    "span",
    null,
    el("a", { href: `#/runs?${query}` }, "curves"),
    " ",
    el("a", { href: `#/run?${query}` }, "details"),
  );
  let shown = "";
  return {
    node: el("div", { class: "card job" }, el("b", null, name), chip, output, stop, links, bar, how, log),
    show({ code }) {
      const of = news.runs.find((one) => one.id === run);
      const now = JSON.stringify([code, of]);
      if (now === shown) return;
      shown = now;
      chip.className = `chip ${code === null ? "run" : code === 0 ? "pass" : "fail"}`;
      chip.textContent = code === null ? "running" : code === 0 ? "ended" : `ended with ${code}`;
      stop.hidden = code !== null;
      bar.hidden = links.hidden = of === undefined;
      how.textContent = of === undefined ? (code === null ? "Model and data are read" : "") : [
        progressText(of),
        ...TOLD.filter((key) => of.values[key] !== undefined)
          .map((key) => `${titleOf(key).toLowerCase()} ${valueOf(key, of.values[key])}`),
      ].join(", ");
      if (of?.totalSteps) bar.value = of.step / of.totalSteps;
      // why it failed is told at once
      if (code !== null && code !== 0 && code !== 130) log.hidden = false;
      if (!log.hidden) read().catch(news.fault);
    },
  };
}
