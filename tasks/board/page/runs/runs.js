// Curves of several runs over each other.
import { el, later, oneAFrame } from "../dom.js";
import { ordered } from "../format.js";
import { closedText } from "../news.js";
import { ChartCard } from "./chart_card.js";
import { paramsOf, settingsFields, settingsOf } from "./curve_settings.js";
import { makeRunList } from "./run_list.js";

/** Finer points are asked for when zooming rests; notches of a wheel come less than this apart, in milliseconds. */
const RESTING_MS = 250;
/** Runs drawn before anybody chose some. */
const FIRST = 6;
/** Height in pixels of the first chart and of the others. */
const HEIGHTS = [320, 220];

/** @param {{params: URLSearchParams, news: import("../news.js").News, change: (params: URLSearchParams) => void}} page */
export function runsPage({ params, news, change }) {
  const given = params.getAll("run");
  const wish = { picked: new Set(given), range: [null, null], ...settingsOf(params) };
  const update = (changed) => {
    Object.assign(wish, changed);
    change(paramsOf(wish.picked, wish));
    refresh();
  };

  const colors = new Map();
  const colorOf = (run) => {
    if (!colors.has(run)) colors.set(run, colors.size);
    return colors.get(run);
  };
  const nameOf = (run) => news.runs.find(({ id }) => id === run)?.name ?? run;
  const list = makeRunList({ colorOf, onpick: (picked) => update({ picked, range: [null, null] }) });
  const settings = settingsFields(
    wish,
    (changed) => update(changed.over === undefined ? changed : { ...changed, range: [null, null] }),
  );

  const charts = new Map(), page = { news, colorOf, nameOf, frame: oneAFrame() };
  const grid = el("div", { class: "chartgrid" });
  const empty = el("p", { class: "hint" });
  // a chart out of sight asks for nothing until it is scrolled to
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = [...charts.values()].find(({ node }) => node === target);
      if (chart === undefined) continue;
      chart.seen = isIntersecting;
      if (isIntersecting) chart.draw();
    }
  }, { rootMargin: "200px" });

  const refreshLater = later(RESTING_MS, refresh);
  function zoomed(from, to) {
    wish.range = [from, to];
    // an answer about another part would throw the picture back to it
    for (const chart of charts.values()) chart.abort();
    refreshLater();
  }

  function chartFor(name) {
    if (!charts.has(name)) {
      const height = HEIGHTS[Math.min(charts.size, 1)];
      const chart = new ChartCard({ name, height, wish: () => wish, onrange: zoomed }, page);
      sight.observe(chart.node);
      charts.set(name, chart);
    }
    return charts.get(name);
  }

  function refresh() {
    const drawn = news.runs.filter(({ id }) => wish.picked.has(id));
    const names = ordered(new Set(drawn.flatMap(({ values }) => Object.keys(values))));
    const none = news.runs.length === 0
      ? "There are no training runs in these folders yet. A run shows here as soon as it logs its first step."
      : wish.picked.size === 0
      ? "Choose runs to draw."
      : "";
    empty.textContent = `${none} ${closedText(news)}`.trim();
    empty.hidden = empty.textContent === "";
    const shown = names.map(chartFor);
    if (shown.length !== grid.children.length || shown.some(({ node }, i) => grid.children[i] !== node)) {
      grid.replaceChildren(...shown.map(({ node }) => node));
    }
    for (const chart of shown) if (chart.seen) chart.draw();
  }

  let chosen = given.length > 0;
  function told() {
    if (!chosen && news.runs.length > 0) {
      wish.picked = new Set(news.runs.slice(0, FIRST).map(({ id }) => id));
      chosen = true;
    }
    for (const run of news.runs) if (wish.picked.has(run.id)) colorOf(run.id);
    list.show(news.runs, wish.picked);
    refresh();
  }

  const stop = news.listen(told);
  told();
  return {
    node: el(
      "div",
      { class: "split" },
      list.node,
      el("div", { class: "pane" }, el("h1", { class: "unseen" }, "Training runs"), settings, empty, grid),
    ),
    title: "Runs",
    close() {
      stop();
      sight.disconnect();
      for (const chart of charts.values()) chart.destroy();
    },
  };
}
