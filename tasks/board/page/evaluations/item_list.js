// A list of items a page at a time, with search and filter, and the box that shows the chosen one.
import { el, later, select } from "../dom.js";

/** While the board still reads the items, it is asked again after so long. */
const READING_MS = 300;

/**
 * The list. `ask` gives the rows from a place on, `row` what one shows, `open` shows the chosen one.
 * @param {{options: Record<string, string>, ask: (which: string, search: string, from: number) => Promise, row: (one) => Array<Node>,
 *   open: (id: string) => Promise<void>, fault: (error: Error) => void}} parts
 */
export function itemList({ options, ask, row, open, fault }) {
  const rows = el("div", { class: "rows", onkeydown: moveByKeys });
  const count = el("div", { class: "count", role: "status" });
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
        timer = setTimeout(() => draw(from), READING_MS);
        return;
      }
      show(from, page);
    } catch (error) {
      fault(error);
    }
  }

  function show(from, { rows: found, total }) {
    const made = found.map((one) => {
      const button = el("button", { type: "button", class: "row", onclick: choose }, row(one));
      function choose() {
        for (const other of rows.querySelectorAll(".row")) other.setAttribute("aria-current", "false");
        button.setAttribute("aria-current", "true");
        open(one.id).catch(fault);
      }
      return button;
    });
    if (from === 0) shown = 0;
    shown += made.length;
    rows.querySelector(".more")?.remove();
    if (from === 0) rows.replaceChildren(...made);
    else rows.append(...made);
    if (shown < total) {
      rows.append(el("button", { type: "button", class: "more", onclick: () => draw(shown) }, "Show more"));
    }
    count.textContent = `${shown} of ${total} items`;
    if (from === 0) made[0]?.click();
  }

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

/** The box beside the list; long texts in it can be scrolled by keys. */
export function detailBox(className, props = {}) {
  const node = el("div", { class: className, ...props }, el("p", { class: "hint" }, "Choose an item."));
  return {
    node,
    show(parts) {
      node.replaceChildren(...parts);
      for (const pre of node.querySelectorAll("pre")) pre.tabIndex = 0;
    },
  };
}

/** Arrows go from row to row, and open it. */
function moveByKeys(event) {
  const next = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const to = next && document.activeElement?.[next];
  if (!to) return;
  event.preventDefault();
  to.focus();
  if (to.classList.contains("row")) to.click();
}
