// Evaluations: the list, one with its tables and items, two beside each other.
import { get, post } from "./api.js";
import { el, later, refill, select, table } from "./dom.js";
import { short } from "./format.js";
import { itemView, NAMES } from "../../eval/report/item_view.js";

const ofConstraints = (count) => `${count} constraint${count === 1 ? "" : "s"}`;
/** A whole number of things, or parts of one. */
const weight = (value) => Number.isInteger(value) ? value : value.toFixed(2);
const percent = (value) => value === null || value === undefined ? "–" : value.toFixed(4);
const link = (path, query) => `#${path}?${new URLSearchParams(query)}`;

/** Evaluations with their headlines; two that are ticked can be compared. */
export function evaluationsPage({ news }) {
  const box = el("div", null), picked = new Set();
  let drawn = "";
  const compare = el("a", { class: "button", href: "#/evaluations" }, "Compare two");
  const tick = el("span", { class: "hint" }, "Tick two to compare them item by item.");
  function draw() {
    const [a, b] = picked;
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
            left: 5,
            columns: [
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
            ],
            rows: news.evaluations.map(({ id, name, result, changed }) => [
              el("input", {
                type: "checkbox",
                checked: picked.has(id),
                "aria-label": `Compare ${name}`,
                "data-keep": `pick ${id}`,
                onchange: ({ target }) => {
                  if (target.checked) picked.add(id);
                  else picked.delete(id);
                  draw();
                },
              }),
              el("a", { href: link("/evaluation", { run: id }), "data-keep": `open ${id}` }, name),
              result?.model ?? "–",
              result?.benchmark ?? "–",
              result?.judge ?? "–",
              result?.headline.metric ?? "–",
              result === null
                ? "–"
                : `${percent(result.headline.value)}${result.complete ? "" : " (incomplete)"}`,
              result === null || result.interval === null ? "–" : result.interval.map(percent).join(" to "),
              result?.items ?? "–",
              new Date(changed).toLocaleString(),
            ]),
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
      box,
    ),
    title: "Evaluations",
    close: news.listen(draw),
  };
}

/** One evaluation. */
export function evaluationPage({ params, news }) {
  const run = params.get("run") ?? "";
  const head = el("div", null), card = el("div", null);
  const detail = el(
    "div",
    { class: "card detail", tabIndex: 0, role: "region", "aria-label": "Item" },
    el("p", { class: "hint" }, "Choose an item."),
  );
  const showCard = () =>
    get("card", { run }).then((found) => card.replaceChildren(judgeCard(found))).catch((error) =>
      card.replaceChildren(el("p", { class: "hint" }, error.message))
    );

  async function open(id) {
    try {
      const { item, row, scale, labels } = await get("item", { run, id });
      const marks = new Map(labels.map((label) => [label.constraint, label.label]));
      const mark = (constraint) => {
        const { verdict } = item.constraints[constraint];
        if (verdict === null || verdict.score === null) return null;
        return marking({
          run,
          id,
          constraint,
          chosen: marks.get(constraint) ?? "none",
          control: news.control,
          fault: news.fault,
        });
      };
      detail.replaceChildren(...itemView(item, { id, status: row.status, scale, mark }));
      for (const pre of detail.querySelectorAll("pre")) pre.tabIndex = 0;
    } catch (error) {
      news.fault(error);
    }
  }

  const list = itemList({
    options: { all: "all", ...NAMES },
    ask: (status, search, from) => get("items", { run, status, search, from }),
    row: (
      { id, status, preview },
    ) => [
      el("span", { class: `dot ${status}` }),
      el("span", { class: "id" }, id),
      el("span", { class: "text", dir: "auto" }, preview),
      el("span", { class: "unseen" }, NAMES[status]),
    ],
    open,
    fault: news.fault,
  });
  get("evaluation", { run }).then(({ results }) => {
    const name = news.evaluations.find(({ id }) => id === run)?.name ?? run;
    if (results === null) {
      return head.replaceChildren(el("h1", null, name), el("p", { class: "hint" }, "It has no results yet."));
    }
    head.replaceChildren(
      el(
        "header",
        null,
        el("h1", null, results.model),
        el(
          "p",
          null,
          `on ${results.benchmark}, judged by ${results.judge} `,
          el(
            "span",
            { class: `badge ${results.complete ? "ok" : "no"}` },
            results.complete ? "complete" : "incomplete",
          ),
        ),
      ),
      el("h2", null, "Scores"),
      el(
        "div",
        { class: "card" },
        scores(results.scores.filter(({ group }) => group === undefined), "Scores"),
      ),
      ...groups(results.scores),
    );
  }).catch(news.fault);
  return {
    node: el(
      "div",
      { class: "column" },
      head,
      el("h2", null, "Judge card"),
      el("div", { class: "card" }, el("button", { type: "button", onclick: showCard }, "Make it"), card),
      el("h2", null, "Every item"),
      el("div", { class: "browser" }, list.node, detail),
    ),
    title: "Evaluation",
    close: list.close,
  };
}

/** Two evaluations. */
export function comparePage({ params, news }) {
  const a = params.get("a") ?? "", b = params.get("b") ?? "";
  const nameOf = (id) => news.evaluations.find((one) => one.id === id)?.name ?? id;
  const names = el("h1", null);
  // names come with the first news
  const told = () => names.textContent = `A: ${nameOf(a)}, B: ${nameOf(b)}`;
  told();
  const stop = news.listen(told);
  const head = el("div", { class: "card" }, el("p", { class: "hint" }, "Comparing"));
  const detail = el("div", { class: "pair" }, el("p", { class: "hint" }, "Choose an item."));
  async function open(id) {
    try {
      const sides = await Promise.all([a, b].map((run) => get("item", { run, id })));
      detail.replaceChildren(
        ...sides.map(({ item, row, scale }, i) =>
          el(
            "section",
            { class: "card detail", tabIndex: 0, "aria-label": nameOf([a, b][i]) },
            el("h3", null, nameOf([a, b][i])),
            itemView(item, { id, status: row.status, scale }),
          )
        ),
      );
      for (const pre of detail.querySelectorAll("pre")) pre.tabIndex = 0;
    } catch (error) {
      news.fault(error);
    }
  }
  const list = itemList({
    options: { all: "all, flips first", flipped: "flips", worse: "worse in B", better: "better in B" },
    ask: (which, search, from) => get("pairs", { a, b, which, search, from }),
    row: ({ id, preview, first, second }) => [
      el("span", { class: `dot ${second.status}` }),
      el("span", { class: "id" }, `${id}: ${short(first.value)} → ${short(second.value)}`),
      el("span", { class: "text", dir: "auto" }, preview),
    ],
    open,
    fault: news.fault,
  });
  get("pair_scores", { a, b }).then((found) =>
    head.replaceChildren(
      table({
        caption: `Scores of ${found.shared} shared items`,
        columns: ["score", "A", "B", "B − A", "95 % interval", "p", "items"],
        rows: found.scores.map((score) => [
          score.metric,
          percent(score.first),
          percent(score.second),
          percent(score.difference),
          score.interval === null ? "–" : score.interval.map(percent).join(" to "),
          score.mcnemar === null ? "" : score.mcnemar.p.toPrecision(3),
          score.items,
        ]),
      }),
      ...found.notes.map((note) => el("p", { class: "note" }, note)),
    )
  ).catch(news.fault);
  return {
    node: el(
      "div",
      { class: "column wider" },
      names,
      head,
      el("h2", null, "Item by item"),
      el("div", { class: "browser" }, list.node, detail),
    ),
    title: "Comparison",
    close() {
      stop();
      list.close();
    },
  };
}

/** A list of items a page at a time, with search and filter. */
function itemList({ options, ask, row, open, fault }) {
  const rows = el("div", { class: "rows" }), count = el("div", { class: "count", role: "status" });
  const search = el("input", {
    type: "search",
    placeholder: "Search prompts, responses, verdicts",
    "aria-label": "Search",
    oninput: later(200, () => draw(0)),
  });
  let which = "all", turn = 0, shown = 0, timer;
  const filter = select(options, which, (now) => {
    which = now;
    draw(0);
  });
  filter.setAttribute("aria-label", "Which items");

  async function draw(from) {
    const mine = ++turn;
    clearTimeout(timer);
    try {
      const page = await ask(which, search.value, from);
      if (mine !== turn) return;
      if (page.reading !== undefined) {
        count.textContent = `${page.reading} items read`;
        timer = setTimeout(() => draw(from), 300);
        return;
      }
      const made = page.rows.map((one) => {
        const button = el("button", {
          type: "button",
          class: "row",
          onclick: () => {
            for (const other of rows.querySelectorAll(".row")) other.setAttribute("aria-current", "false");
            button.setAttribute("aria-current", "true");
            open(one.id);
          },
        }, row(one));
        return button;
      });
      if (from === 0) shown = 0;
      shown += made.length;
      rows.querySelector(".more")?.remove();
      if (from === 0) rows.replaceChildren(...made);
      else rows.append(...made);
      if (shown < page.total) {
        rows.append(el("button", { type: "button", class: "more", onclick: () => draw(shown) }, "Show more"));
      }
      count.textContent = `${shown} of ${page.total} items`;
      if (from === 0 && page.rows.length > 0) made[0].click();
    } catch (error) {
      fault(error);
    }
  }

  rows.addEventListener("keydown", (event) => {
    const next = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const to = next && document.activeElement?.[next];
    if (!to) return;
    event.preventDefault();
    to.focus();
    if (to.classList.contains("row")) to.click();
  });
  draw(0);
  return {
    node: el(
      "section",
      { class: "card list", "aria-label": "Items" },
      el("div", { class: "tools" }, search, filter, count),
      rows,
    ),
    close: () => clearTimeout(timer),
  };
}

/** Buttons for a person's mark on a verdict. */
function marking({ run, id, constraint, chosen, control, fault }) {
  const box = el("div", { class: "marking", role: "group", "aria-label": "Is this verdict right?" });
  function draw(now) {
    box.replaceChildren(
      ...["right", "wrong"].map((label) =>
        el("button", {
          type: "button",
          "aria-pressed": String(now === label),
          disabled: !control,
          title: control ? "" : "The board only reads: start it with --control",
          onclick: async () => {
            try {
              const { labels } = await post("label", {
                run,
                id,
                constraint,
                label: now === label ? "none" : label,
              });
              draw(labels.find((one) => one.constraint === constraint)?.label ?? "none");
            } catch (error) {
              fault(error);
            }
          },
        }, label)
      ),
    );
  }
  draw(chosen);
  return box;
}

function scores(list, caption, first = (score) => score.metric) {
  return table({
    caption,
    columns: ["score", "bar", "of scored", "of all", "95 % interval", "scored", "unscored"],
    rows: list.map((score) => [
      first(score),
      meter(score),
      percent(score.value),
      percent(score.ofAll),
      score.interval === null ? "–" : score.interval.map(percent).join(" to "),
      weight(score.scored),
      weight(score.unscored),
    ]),
  });
}

/** A bar with the interval on it. */
function meter({ value, max, interval }) {
  if (value === null) return "";
  const full = Math.max(max ?? 1, value), share = (x) => `${Math.min(100, Math.max(0, 100 * x / full))}%`;
  return el(
    "div",
    { class: "meter" },
    el("i", { style: { width: share(value) } }),
    interval === null
      ? ""
      : el("b", { style: { left: share(interval[0]), width: share(interval[1] - interval[0]) } }),
  );
}

/** The scores of every group, such as types of constraints, as bars. */
function groups(all) {
  const by = Map.groupBy(all.filter(({ group }) => group !== undefined), ({ group }) => group.by);
  return [...by].flatMap(([name, list]) => [
    el("h2", null, `By ${name}`),
    el(
      "div",
      { class: "card" },
      scores(list, `Scores by ${name}`, (score) => `${score.group.name}: ${score.metric}`),
    ),
  ]);
}

function judgeCard({ judge, answers, constraints, unscored, agreement, seconds }) {
  const share = (value) => value === null ? "–" : `${(100 * value).toFixed(1)} %`;
  const rows = [
    ["judge", judge],
    ["judged answers", `${answers} with ${ofConstraints(constraints)}`],
    ["constraints it left unscored", share(unscored)],
    ["seconds an answer", short(seconds)],
    ...(agreement === null ? [["compared with", "nothing yet: mark verdicts right or wrong"]] : [
      ["compared with", `${agreement.reference}, ${ofConstraints(agreement.constraints)}`],
      ["same verdict", share(agreement.accuracy)],
      ["Cohen's kappa", short(agreement.kappa)],
      ["too kind", share(agreement.tooKind)],
      ["too strict", share(agreement.tooStrict)],
    ]),
  ];
  return table({ caption: "Judge card", left: 2, columns: ["of the judge", "value"], rows });
}
