// Configurations of several runs beside each other.
import { get } from "../api.js";
import { breakable, el, table } from "../dom.js";

/** The page; `?run=ID` once a run. */
export function configPage({ params, news }) {
  const ids = params.getAll("run");
  const box = el("div", null);
  const only = el("input", { type: "checkbox", checked: ids.length > 1, onchange: () => draw() });
  let rows = null, drawn = "";
  const nameOf = (id) => news.runs.find((run) => run.id === id)?.name ?? id;
  function draw() {
    if (rows === null) return;
    const shown = rows.filter(({ different }) => different || !only.checked);
    const now = JSON.stringify([shown, ids.map(nameOf)]);
    if (now === drawn) return;
    drawn = now;
    const none = ids.length === 0 ? "No runs were chosen." : "The configurations are alike.";
    box.replaceChildren(
      shown.length === 0
        ? el("p", { class: "hint" }, none)
        : el("div", { class: "card" }, configTable(shown, ids.map(nameOf))),
    );
  }
  get("config", { run: ids }).then((found) => {
    rows = found.rows;
    draw();
  }).catch(news.fault);
  return {
    node: el(
      "div",
      { class: "column" },
      el("h1", null, "Configurations"),
      el("label", { class: "field check" }, only, el("span", null, "Only what differs")),
      box,
    ),
    title: "Configurations",
    close: news.listen(draw),
  };
}

function configTable(rows, names) {
  return table({
    caption: "Configurations beside each other; a key that differs has a mark",
    left: names.length + 1,
    columns: ["key", ...names],
    rows: rows.map(({ key, values, different }) => {
      const mark = { class: different ? "different" : "" };
      return [
        el(different ? "b" : "span", mark, different ? "≠ " : "", breakable(key)),
        ...values.map((value) => el("span", mark, value ?? "–")),
      ];
    }),
  });
}
