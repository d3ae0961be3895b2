// One evaluation: its scores, the judge card, every item.
import { get } from "../api.js";
import { el } from "../dom.js";
import { itemView, NAMES } from "../../../eval/report/item_view.js";
import { detailBox, itemList } from "./item_list.js";
import { judgeCard } from "./judge_card.js";
import { marking } from "./marking.js";
import { groupTables, scoreTable } from "./scores.js";

/** The page; `?run=ID`. */
export function evaluationPage({ params, news }) {
  const run = params.get("run") ?? "";
  const nameOf = (id) => news.evaluations.find((one) => one.id === id)?.name ?? id;
  const head = el("div", null), card = el("div", null);
  const detail = detailBox("card detail", { tabIndex: 0, role: "region", "aria-label": "Item" });
  const showCard = () =>
    get("card", { run }).then((found) => card.replaceChildren(judgeCard(found))).catch((error) =>
      card.replaceChildren(el("p", { class: "hint" }, error.message))
    );

  async function open(id) {
    const { item, row, scale, labels } = await get("item", { run, id });
    const marks = new Map(labels.map((label) => [label.constraint, label.label]));
    const mark = (constraint) => {
      const { verdict } = item.constraints[constraint];
      if (verdict === null || verdict.score === null) return null;
      const chosen = marks.get(constraint) ?? "none";
      return marking({ run, id, constraint, chosen, control: news.control, fault: news.fault });
    };
    detail.show(itemView(item, { id, status: row.status, scale, mark }));
  }

  const list = itemList({
    options: { all: "all", ...NAMES },
    ask: (status, search, from) => get("items", { run, status, search, from }),
    row: itemRow,
    open,
    fault: news.fault,
  });
  get("evaluation", { run }).then(({ results }) =>
    head.replaceChildren(
      ...results === null
        ? [el("h1", null, nameOf(run)), el("p", { class: "hint" }, "It has no results yet.")]
        : resultsView(results),
    )
  ).catch(news.fault);
  return {
    node: el(
      "div",
      { class: "column" },
      head,
      el("h2", null, "Judge card"),
      el("div", { class: "card" }, el("button", { type: "button", onclick: showCard }, "Make it"), card),
      el("h2", null, "Every item"),
      el("div", { class: "browser" }, list.node, detail.node),
    ),
    title: "Evaluation",
    close: list.close,
  };
}

function itemRow({ id, status, preview }) {
  return [
    el("span", { class: `dot ${status}` }),
    el("span", { class: "id" }, id),
    el("span", { class: "text", dir: "auto" }, preview),
    el("span", { class: "unseen" }, NAMES[status]),
  ];
}

function resultsView({ model, benchmark, judge, complete, scores }) {
  return [
    el(
      "header",
      null,
      el("h1", null, model),
      el(
        "p",
        null,
        `on ${benchmark}, judged by ${judge} `,
        el("span", { class: `badge ${complete ? "ok" : "no"}` }, complete ? "complete" : "incomplete"),
      ),
    ),
    el("h2", null, "Scores"),
    el("div", { class: "card" }, scoreTable(scores.filter(({ group }) => group === undefined), "Scores")),
    ...groupTables(scores),
  ];
}
