// One run: how far it is, its configuration, what it learns from token by token, checkpoints, model card.
import { get } from "./api.js";
import { breakable, el, refill, table } from "./dom.js";
import { bytes, ordered, titleOf, valueOf } from "./format.js";
import { stopButton } from "./jobs.js";
import { progressText, stateChip } from "./run_list.js";

const ELSEWHERE = "It wasn't started on this board: Ctrl-C where it runs saves a checkpoint and stops it.";

const NOT_YET = "There is no such run in the folders of this board. It is shown as soon as it is there.";

/** Files of a run that trains are read again after so long. */
const FILES_MS = 15_000;

export function runPage({ params, news }) {
  const id = params.get("run") ?? "";
  const head = el("header", null), stops = el("div", null);
  const tiles = el("div", { class: "tiles" }), rest = el("div", null);
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
    refill(
      tiles,
      ordered(Object.keys(run.values)).slice(0, 8).map((name, i) =>
        el(
          "div",
          { class: i === 0 ? "card tile first" : "card tile" },
          el("div", { class: "name" }, titleOf(name)),
          el("div", { class: "value" }, valueOf(name, run.values[name])),
        )
      ),
    );
  }

  const tokens = el(
    "div",
    { class: "card" },
    el(
      "button",
      { type: "button", onclick: (event) => showTokens(id, tokens, event.target, news) },
      "Show examples token by token",
    ),
  );

  function readFiles(state) {
    const mine = read = { state, time: Date.now() };
    get("run", { run: id }).then((found) => mine === read && showFiles(found)).catch(news.fault);
  }

  function showFiles(found) {
    const now = JSON.stringify(found);
    if (now === files) return;
    files = now;
    const { config, fault, checkpoints, card, files: made } = found;
    refill(
      rest,
      el("h2", null, "What it learns from"),
      tokens,
      el("h2", null, "Checkpoints"),
      checkpoints.length === 0 ? el("p", { class: "hint" }, "There is none.") : el(
        "div",
        { class: "card" },
        table({
          caption: "Checkpoints",
          columns: ["name", "step", "size", "made"],
          rows: checkpoints.map((
            one,
          ) => [one.name, one.step, bytes(one.bytes), new Date(one.made).toLocaleString()]),
        }),
      ),
      el("h2", null, "Configuration"),
      fault === null ? "" : el("p", { class: "wrong" }, fault),
      config === null ? el("p", { class: "hint" }, "The run has no run.yaml that can be shown.") : el(
        "div",
        { class: "card" },
        table({
          caption: "Configuration",
          left: 2,
          columns: ["key", "value"],
          rows: Object.entries(config).map((
            [key, value],
          ) => [el("span", null, breakable(key)), typeof value === "string" ? value : JSON.stringify(value)]),
        }),
      ),
      el("h2", null, "Model card"),
      card === null
        ? el("p", { class: "hint" }, "A finished run has one.")
        : el("pre", { class: "raw", tabIndex: 0 }, card),
      el("h2", null, "Files"),
      el(
        "div",
        { class: "card" },
        table({
          caption: "Files",
          columns: ["name", "size"],
          rows: made.map((file) => [file.name, bytes(file.bytes)]),
        }),
      ),
    );
  }

  const stop = news.listen(told);
  told();
  return { node: el("div", { class: "column" }, head, stops, tiles, rest), title: "Run", close: stop };
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

async function showTokens(id, box, button, news) {
  button.disabled = true;
  button.textContent = "Reading the data";
  try {
    const { data, examples } = await get("tokens", { run: id });
    box.replaceChildren(
      el("pre", { class: "raw", tabIndex: 0 }, data),
      el(
        "p",
        { class: "legend" },
        el("span", { class: "token learnt" }, "learnt"),
        el("span", { class: "token" }, "only read"),
        el("span", { class: "token cut" }, "cut off"),
      ),
      ...examples.flatMap(({ file, row, sequences }) => [
        el("h3", null, `${file}, row ${row}`),
        ...sequences.map(({ name, tokens }) =>
          el(
            "div",
            { class: "sequence" },
            el("b", null, `${name} `),
            tokens.map(([text, use]) =>
              el(
                "span",
                { class: `token ${use === 1 ? "learnt" : use === -1 ? "cut" : ""}` },
                shownText(text),
              )
            ),
          )
        ),
      ]),
    );
  } catch (error) {
    button.disabled = false;
    button.textContent = "Show examples token by token";
    news.fault(error);
  }
}

/** Line ends and lone spaces are seen. */
function shownText(text) {
  return text.replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";
}

/** Configurations beside each other. */
export function configPage({ params, news }) {
  const ids = params.getAll("run");
  const box = el("div", null),
    only = el("input", { type: "checkbox", checked: ids.length > 1, onchange: () => draw() });
  let rows = null, drawn = "";
  const nameOf = (id) => news.runs.find((run) => run.id === id)?.name ?? id;
  function draw() {
    if (rows === null) return;
    const some = rows.filter(({ different }) => different || !only.checked);
    const now = JSON.stringify([some, ids.map(nameOf)]);
    if (now === drawn) return;
    drawn = now;
    box.replaceChildren(
      some.length === 0
        ? el(
          "p",
          { class: "hint" },
          ids.length === 0 ? "No runs were chosen." : "The configurations are alike.",
        )
        : el(
          "div",
          { class: "card" },
          table({
            caption: "Configurations beside each other; a key that differs has a mark",
            left: ids.length + 1,
            columns: ["key", ...ids.map(nameOf)],
            rows: some.map(({ key, values, different }) => [
              el(
                different ? "b" : "span",
                { class: different ? "different" : "" },
                different ? "≠ " : "",
                breakable(key),
              ),
              ...values.map((value) => el("span", { class: different ? "different" : "" }, value ?? "–")),
            ]),
          }),
        ),
    );
  }
  get("config", { run: ids }).then((found) => {
    rows = found.rows;
    draw();
  }).catch(news.fault);
  const stop = news.listen(draw);
  return {
    node: el(
      "div",
      { class: "column" },
      el("h1", null, "Configurations"),
      el("label", { class: "field check" }, only, el("span", null, "Only what differs")),
      box,
    ),
    title: "Configurations",
    close: stop,
  };
}
