// The page's item browser. Everything of an item is set as text, never as markup.
import { element, itemView, NAMES, written } from "./item_view.js";

const byId = (id) => document.getElementById(id);
const { chunk, scale } = JSON.parse(byId("page").textContent);
const rows = [...document.querySelectorAll("script.index")].flatMap((part) => JSON.parse(part.textContent));
const list = byId("rows"),
  detail = byId("detail"),
  search = byId("search"),
  filter = byId("filter"),
  count = byId("count");
const PAGE = 200;
const chunks = new Map();
let shown = [], limit = PAGE, current = -1, turn = 0;

const load = (n) => {
  if (!chunks.has(n)) {
    chunks.set(
      n,
      (async () => {
        const bytes = Uint8Array.from(atob(byId("chunk-" + n).textContent.trim()), (c) => c.charCodeAt(0));
        const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
        return JSON.parse(await new Response(stream).text());
      })(),
    );
    // what was looked at long ago is unpacked again when needed
    if (chunks.size > 40) chunks.delete(chunks.keys().next().value);
  }
  return chunks.get(n);
};
const itemAt = async (i) => (await load(Math.floor(i / chunk)))[i % chunk];

const draw = () => {
  list.replaceChildren(
    ...shown.slice(0, limit).map((i) => {
      const [id, status, , preview] = rows[i];
      const row = element("button", "row");
      row.type = "button";
      row.append(
        element("span", "dot " + status),
        element("span", "id", id),
        written("span", "text", preview),
        element("span", "unseen", NAMES[status]),
      );
      row.title = NAMES[status];
      row.setAttribute("aria-current", String(i === current));
      row.onclick = () => open(i);
      return row;
    }),
  );
  if (shown.length > limit) {
    const more = element("button", "more", "Show more");
    more.type = "button";
    more.onclick = () => {
      limit += PAGE;
      draw();
    };
    list.append(more);
  }
  const all = rows.length + (rows.length === 1 ? " item" : " items");
  count.textContent = shown.length === rows.length ? all : shown.length + " of " + all;
};

const select = async () => {
  const mine = ++turn;
  const wanted = search.value.trim().toLowerCase();
  const pool = rows.map((_, i) => i).filter((i) => filter.value === "all" || rows[i][1] === filter.value);
  let found = pool;
  if (wanted !== "") {
    found = [];
    count.textContent = "searching";
    for (const i of pool) {
      if (
        rows[i][0].toLowerCase() === wanted ||
        JSON.stringify(await itemAt(i)).toLowerCase().includes(JSON.stringify(wanted).slice(1, -1))
      ) found.push(i);
      if (mine !== turn) return;
    }
  }
  shown = found;
  limit = PAGE;
  draw();
};

const open = async (i) => {
  current = i;
  const item = await itemAt(i);
  if (current !== i) return;
  const [id, status] = rows[i];
  const parts = itemView(item, { id, status, scale });
  detail.replaceChildren(...parts);
  for (const row of list.querySelectorAll(".row")) row.setAttribute("aria-current", "false");
  const at = shown.indexOf(i);
  if (at >= 0 && list.children[at]) list.children[at].setAttribute("aria-current", "true");
};

let timer;
search.oninput = () => {
  clearTimeout(timer);
  timer = setTimeout(select, 150);
};
filter.onchange = select;
document.addEventListener("keydown", (event) => {
  if (
    event.target === search || event.target === filter ||
    (event.key !== "ArrowDown" && event.key !== "ArrowUp")
  ) return;
  if (!list.contains(document.activeElement)) return;
  const at = shown.indexOf(current) + (event.key === "ArrowDown" ? 1 : -1);
  if (at < 0 || at >= shown.length) return;
  event.preventDefault();
  open(shown[at]);
  if (list.children[at]) list.children[at].focus();
});
select().then(() => {
  if (shown.length > 0) open(shown[0]);
});
