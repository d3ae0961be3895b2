// Two evaluations beside each other.
import { get } from "../api.js";
import { el, table } from "../dom.js";
import { short } from "../format.js";
import { itemView } from "../../../eval/report/item_view.js";
import { detailBox, itemList } from "./item_list.js";
import { difference, fraction, intervalText, weight } from "./scores.js";

/** The page; `?a=ID&b=ID`. */
export function comparePage({ params, news }) {
  const a = params.get("a") ?? "", b = params.get("b") ?? "";
  const nameOf = (id) => news.evaluations.find((one) => one.id === id)?.name ?? id;
  const names = el("h1", null);
  // names come with the first news
  const told = () => names.textContent = `A: ${nameOf(a)}, B: ${nameOf(b)}`;
  told();
  const stop = news.listen(told);
  const head = el("div", { class: "card" }, el("p", { class: "hint" }, "Comparing"));
  const detail = detailBox("pair");

  async function open(id) {
    const sides = await Promise.all([a, b].map((run) => get("item", { run, id })));
    detail.show(sides.map(({ item, row, scale }, i) => {
      const name = nameOf([a, b][i]);
      return el(
        "section",
        { class: "card detail", tabIndex: 0, "aria-label": name },
        el("h3", null, name),
        itemView(item, { id, status: row.status, scale }),
      );
    }));
  }

  const list = itemList({
    options: { all: "all, flips first", flipped: "flips", worse: "worse in B", better: "better in B" },
    ask: (which, search, from) => get("pairs", { a, b, which, search, from }),
    row: pairRow,
    open,
    fault: news.fault,
  });
  get("pair_scores", { a, b })
    .then((found) => head.replaceChildren(...comparisonView(found)))
    .catch(news.fault);
  return {
    node: el(
      "div",
      { class: "column wider" },
      names,
      head,
      el("h2", null, "Item by item"),
      el("div", { class: "browser" }, list.node, detail.node),
    ),
    title: "Comparison",
    close() {
      stop();
      list.close();
    },
  };
}

function pairRow({ id, preview, first, second }) {
  return [
    el("span", { class: `dot ${second.status}` }),
    el("span", { class: "id" }, `${id}: ${short(first.value)} → ${short(second.value)}`),
    el("span", { class: "text", dir: "auto" }, preview),
  ];
}

function comparisonView({ shared, scores, notes }) {
  const partly = scores.some(({ unscored: [a, b] }) => a + b > 0);
  return [
    table({
      caption: `Scores of ${shared} shared items`,
      columns: [
        "score",
        "A",
        "B",
        "B − A",
        "95 % interval",
        "p",
        "items",
        ...partly ? ["A of all", "B of all", "unscored A : B"] : [],
      ],
      rows: scores.map((score) => [
        score.metric,
        fraction(score.first),
        fraction(score.second),
        difference(score.difference),
        intervalText(score.interval, difference),
        score.mcnemar === null ? "" : score.mcnemar.p.toPrecision(3),
        score.items,
        ...partly ? [...score.ofAll.map(fraction), score.unscored.map(weight).join(" : ")] : [],
      ]),
    }),
    ...notes.map((note) => el("p", { class: "note" }, note)),
  ];
}
