// Curves of several runs over each other.
import { address, get } from "./api.js";
import { makeChart, PALE } from "./chart.js";
import { el, field, later, oneAFrame, save, select } from "./dom.js";
import { ordered, titleOf } from "./format.js";
import { makeRunList } from "./run_list.js";

const AXES = { step: "steps", tokens: "tokens", time: "time" };
/** Finer points are asked for when zooming rests; notches of a wheel come less than this apart, in milliseconds. */
const RESTING_MS = 250;
/** Runs drawn before anybody chose some. */
const FIRST = 6;

/** @param {{params: URLSearchParams, news: import("./news.js").News, change: (params: URLSearchParams) => void}} page */
export function runsPage({ params, news, change }) {
  const given = params.getAll("run");
  let picked = new Set(given), over = params.get("over") ?? "step", log = params.get("log") === "1";
  let smooth = Number(params.get("smooth") ?? 0.6), range = [null, null];
  const colors = new Map();
  const colorIndex = (run) => {
    if (!colors.has(run)) colors.set(run, colors.size);
    return colors.get(run);
  };
  const nameOf = (run) => news.runs.find(({ id }) => id === run)?.name ?? run;
  const charts = new Map();
  const grid = el("div", { class: "chartgrid" });
  const empty = el("p", { class: "hint" });

  const list = makeRunList({
    colorOf: colorIndex,
    onpick: (now) => {
      picked = now;
      range = [null, null];
      keep();
      refresh();
    },
  });

  const keep = () => {
    const next = new URLSearchParams();
    for (const run of picked) next.append("run", run);
    if (over !== "step") next.set("over", over);
    if (log) next.set("log", "1");
    if (smooth !== 0.6) next.set("smooth", smooth);
    change(next);
  };

  const smoothing = el("input", {
    type: "range",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: smooth,
    oninput: later(80, () => {
      smooth = Number(smoothing.value);
      keep();
      refresh();
    }),
  });
  const logarithmic = el("input", {
    type: "checkbox",
    checked: log,
    onchange: () => {
      log = logarithmic.checked;
      keep();
      refresh();
    },
  });
  const controls = el(
    "div",
    { class: "controls", role: "group", "aria-label": "How curves are drawn" },
    field(
      "Over",
      select(AXES, over, (now) => {
        over = now;
        range = [null, null];
        keep();
        refresh();
      }),
    ),
    field("Smooth", smoothing),
    el("label", { class: "field check" }, logarithmic, el("span", null, "Logarithmic")),
  );

  /** One chart a name of the picked runs. */
  function chartFor(name) {
    let made = charts.get(name);
    if (made !== undefined) return made;
    const chart = makeChart({
      name,
      title: titleOf(name),
      height: charts.size === 0 ? 320 : 220,
      onrange: (from, to) => {
        range = [from, to];
        // an answer about another part would throw the picture back to it
        for (const { asking } of charts.values()) asking.abort();
        later_();
      },
    });
    const query = () => ({
      run: [...picked],
      name,
      over,
      from: range[0],
      to: range[1],
      smooth,
      logged: picked.size <= PALE ? 1 : null,
    });
    const files = el(
      "span",
      { class: "files" },
      el("button", {
        type: "button",
        onclick: async () => save(`${file(name)}.png`, await chart.png()),
        "aria-label": `${titleOf(name)} as PNG`,
      }, "PNG"),
      el("a", {
        class: "button",
        download: "",
        href: "#",
        onclick: (event) =>
          event.currentTarget.href = address("curves.svg", { ...query(), log: log ? 1 : null }),
        "aria-label": `${titleOf(name)} as SVG`,
      }, "SVG"),
      el("a", {
        class: "button",
        download: "",
        href: "#",
        onclick: (event) => event.currentTarget.href = address("curves.csv", query()),
        "aria-label": `${titleOf(name)} as CSV`,
      }, "CSV"),
    );
    const card = el(
      "section",
      { class: "card chartcard", "aria-label": titleOf(name) },
      el("div", { class: "head" }, el("h2", null, titleOf(name)), files),
      chart.node,
    );
    made = { chart, card, query, seen: false, asking: new AbortController(), version: "" };
    seen.observe(card);
    charts.set(name, made);
    return made;
  }

  // a chart out of sight asks for nothing until it is scrolled to
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const made = [...charts.values()].find(({ card }) => card === target);
      if (made === undefined) continue;
      made.seen = isIntersecting;
      if (isIntersecting) draw(made);
    }
  }, { rootMargin: "200px" });

  async function draw(made) {
    if (picked.size === 0) return;
    const query = { ...made.query(), points: 2 * pointsFor(made.card.clientWidth || 800) };
    const version = JSON.stringify([
      query,
      log,
      [...picked].map((run) => news.runs.find(({ id }) => id === run)?.version),
    ]);
    if (version === made.version) return;
    made.version = version;
    made.asking.abort();
    const { signal } = made.asking = new AbortController();
    try {
      const view = await get("curves", query, signal);
      await frame();
      if (signal.aborted || view.range === null) return;
      const part = [query.from ?? view.range[0], query.to ?? view.range[1]];
      const isWhole = query.from === null && query.to === null;
      const shown = { runs: query.run, over, log, smooth, view, part, isWhole };
      made.chart.show({ ...shown, colorOf: colorIndex, nameOf });
    } catch (error) {
      if (signal.aborted) return;
      made.version = "";
      news.fault(error);
    }
  }

  /** Places of a chart: a bucket a pixel, fewer where many runs would take too long to draw. */
  const pointsFor = (width) =>
    Math.max(50, Math.round(picked.size > 20 ? width / 3 : picked.size > 8 ? width / 2 : width));

  function refresh() {
    const some = news.runs.filter(({ id }) => picked.has(id));
    const names = ordered(new Set(some.flatMap(({ values }) => Object.keys(values))));
    empty.textContent = news.runs.length === 0
      ? "There are no training runs in these folders yet. A run shows here as soon as it logs its first step."
      : picked.size === 0
      ? "Choose runs to draw."
      : "";
    empty.hidden = empty.textContent === "";
    const cards = names.map((name) => chartFor(name).card);
    if (cards.length !== grid.children.length || cards.some((card, i) => grid.children[i] !== card)) {
      grid.replaceChildren(...cards);
    }
    for (const name of names) if (charts.get(name).seen) draw(charts.get(name));
  }
  const later_ = later(RESTING_MS, refresh);
  const frame = oneAFrame();

  let chosen = given.length > 0;
  function told() {
    if (!chosen && news.runs.length > 0) {
      picked = new Set(news.runs.slice(0, FIRST).map(({ id }) => id));
      chosen = true;
    }
    for (const run of news.runs) if (picked.has(run.id)) colorIndex(run.id);
    list.show(news.runs, picked);
    refresh();
  }

  const stop = news.listen(told);
  const node = el(
    "div",
    { class: "split" },
    list.node,
    el("div", { class: "pane" }, el("h1", { class: "unseen" }, "Training runs"), controls, empty, grid),
  );
  told();
  return {
    node,
    title: "Runs",
    close() {
      stop();
      seen.disconnect();
      for (const { chart } of charts.values()) chart.destroy();
    },
  };
}

function file(name) {
  return name.replace(/[^\w-]+/g, "_");
}
