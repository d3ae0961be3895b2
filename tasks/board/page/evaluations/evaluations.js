// The list of evaluations.
import { el, refill, table } from "../dom.js";
import { closedText } from "../news.js";
import { fraction, intervalText, unscoredText } from "./scores.js";

const link = (path, query) => `#${path}?${new URLSearchParams(query)}`;

/** Columns of the list; those up to the judge are texts. */
const COLUMNS = [
  "compare",
  "run",
  "model",
  "benchmark",
  "judge",
  "score",
  "value",
  "95 % interval",
  "items",
  "changed",
];

/** Evaluations with their headlines; two that are ticked can be compared. */
export function evaluationsPage({ news }) {
  const box = el("div", null), closed = el("p", { class: "hint" }), picked = new Set();
  let drawn = "";
  const compare = el("a", { class: "button", href: "#/evaluations" }, "Compare two");
  const tick = el("span", { class: "hint" }, "Tick two to compare them item by item.");
  const pick = (id, isPicked) => {
    if (isPicked) picked.add(id);
    else picked.delete(id);
    draw();
  };

  function draw() {
    const [a, b] = picked;
    closed.textContent = closedText(news);
    closed.hidden = closed.textContent === "";
    compare.hidden = picked.size !== 2;
    tick.hidden = picked.size === 2 || news.evaluations.length < 2;
    compare.href = picked.size === 2 ? link("/compare", { a, b }) : "#/evaluations";
    const now = JSON.stringify([news.evaluations, [...picked]]);
    if (now === drawn) return;
    drawn = now;
    refill(
      box,
      news.evaluations.length === 0
        ? el("p", { class: "hint" }, "There are no evaluations in these folders yet.")
        : el(
          "div",
          { class: "card" },
          table({
            caption: "Evaluations",
            left: COLUMNS.indexOf("score"),
            columns: COLUMNS,
            rows: news.evaluations.map((one) => [pickBox(one, picked.has(one.id), pick), ...cells(one)]),
          }),
        ),
    );
  }
  draw();
  return {
    node: el(
      "div",
      { class: "column" },
      el("div", { class: "controls" }, el("h1", null, "Evaluations"), compare, tick),
      closed,
      box,
    ),
    title: "Evaluations",
    close: news.listen(draw),
  };
}

function pickBox({ id, name }, isPicked, pick) {
  return el("input", {
    type: "checkbox",
    checked: isPicked,
    "aria-label": `Compare ${name}`,
    "data-keep": `pick ${id}`,
    onchange: ({ target }) => pick(id, target.checked),
  });
}

function cells({ id, name, result, changed }) {
  const headline = result?.headline;
  return [
    el("a", { href: link("/evaluation", { run: id }), "data-keep": `open ${id}` }, name),
    result?.model ?? "–",
    result?.benchmark ?? "–",
    result?.judge ?? "–",
    headline?.metric ?? "–",
    result === null ? "–" : `${fraction(headline.value)}${result.complete ? "" : " (incomplete)"}`,
    intervalText(result?.interval ?? null),
    result === null ? "–" : `${result.items}${unscoredText(result)}`,
    new Date(changed).toLocaleString(),
  ];
}
