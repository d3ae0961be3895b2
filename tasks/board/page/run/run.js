// One run: how far it is, its configuration, what it learns from token by token, checkpoints, model card.
import { get } from "../api.js";
import { stopButton } from "../control/jobs.js";
import { breakable, el, refill } from "../dom.js";
import { ordered, titleOf, valueOf } from "../format.js";
import { progressText, stateChip } from "../run_state.js";
import { folderView } from "./files.js";
import { tokensCard } from "./tokens.js";

const ELSEWHERE = "It wasn't started on this board: Ctrl-C where it runs saves a checkpoint and stops it.";

const NOT_YET = "There is no such run in the folders of this board. It is shown as soon as it is there.";

/** Files of a run that trains are read again after so long. */
const FILES_MS = 15_000;

/** The page; `?run=ID`. */
export function runPage({ params, news }) {
  const id = params.get("run") ?? "";
  const head = el("header", null), stops = el("div", null);
  const tiles = el("div", { class: "tiles" }), rest = el("div", null);
  const tokens = tokensCard(id, news);
  let drawn = "", stopped = "", files = "", read = { state: null, time: 0 };

  /** Redrawn only where it changes: a button that is put in anew would lose a press. */
  function tellStop(run, job) {
    const elsewhere = news.control && run.state === "running" && job === undefined;
    const now = JSON.stringify([job?.id, elsewhere]);
    if (now === stopped) return;
    stopped = now;
    refill(
      stops,
      job === undefined ? "" : el("div", { class: "buttons" }, stopButton(job.id, news)),
      elsewhere ? el("p", { class: "hint" }, ELSEWHERE) : "",
    );
  }

  function told() {
    const run = news.runs.find((one) => one.id === id);
    if (run === undefined) {
      // a link to it may be opened before the run has a file
      if (news.known && drawn === "") {
        refill(head, el("h1", null, breakable(id.replace(/^\d+:/, ""))), el("p", { class: "hint" }, NOT_YET));
      }
      return;
    }
    // checkpoints and files come while it trains, and at its end
    if (run.state !== read.state || (run.state === "running" && Date.now() - read.time > FILES_MS)) {
      readFiles(run.state);
    }
    tellStop(run, news.jobs.find((one) => one.run === id && one.code === null));
    const now = JSON.stringify(run);
    if (now === drawn) return;
    drawn = now;
    refill(
      head,
      el("h1", null, run.name),
      el("p", null, stateChip(run.state), ` ${progressText(run)}`),
      el("div", { class: "buttons" }, runLinks(run, news)),
    );
    refill(tiles, valueTiles(run.values));
  }

  function readFiles(state) {
    const mine = read = { state, time: Date.now() };
    get("run", { run: id }).then((found) => mine === read && showFiles(found)).catch(news.fault);
  }

  function showFiles(found) {
    const now = JSON.stringify(found);
    if (now === files) return;
    files = now;
    refill(rest, el("h2", null, "What it learns from"), tokens, folderView(found));
  }

  const stop = news.listen(told);
  told();
  return { node: el("div", { class: "column" }, head, stops, tiles, rest), title: "Run", close: stop };
}

/** Last values, those that everyone looks for first. */
function valueTiles(values) {
  return ordered(Object.keys(values)).slice(0, 8).map((name, i) =>
    el(
      "div",
      { class: i === 0 ? "card tile first" : "card tile" },
      el("div", { class: "name" }, titleOf(name)),
      el("div", { class: "value" }, valueOf(name, values[name])),
    )
  );
}

/** Ways on from a run. */
function runLinks({ id, state }, { control }) {
  const run = encodeURIComponent(id);
  const link = (to, text) => el("a", { class: "button", href: `#/${to}` }, text);
  return [
    link(`runs?run=${run}`, "Curves"),
    ...(!control ? [] : [
      state === "finished" ? link(`talk?run=${run}`, "Talk to it") : "",
      state === "stopped" ? link(`new?run=${run}&resume=1`, "Resume") : "",
      link(`new?run=${run}`, "Train again"),
    ]),
  ];
}
