// The board's page: which view an address shows.
import { el } from "./dom.js";
import { listen } from "./news.js";
import { runsPage } from "./runs.js";

const view = document.getElementById("view"),
  fault = document.getElementById("fault"),
  live = document.getElementById("live");

/** Views by the first part of the address behind #. */
const PAGES = { "/runs": runsPage };

const NAVIGATION = [["/runs", "Runs"]];

function tell(error) {
  fault.textContent = error === null ? "" : error.message;
  fault.hidden = error === null;
}

const news = listen({
  onstate: (now) => live.textContent = now ? "live" : "no connection",
  fault: tell,
});

let open = null, shown = "";

function show() {
  const [path, query = ""] = (location.hash.slice(1) || "/runs").split("?");
  if (`${path}?${query}` === shown) return;
  shown = `${path}?${query}`;
  tell(null);
  open?.close?.();
  const make = PAGES[path] ?? runsPage;
  open = make({
    params: new URLSearchParams(query),
    news,
    change(params) {
      const text = params.toString();
      shown = `${path}?${text}`;
      history.replaceState(null, "", text === "" ? `#${path}` : `#${path}?${text}`);
    },
  });
  view.replaceChildren(open.node);
  document.title = `${open.title} – Dinotune board`;
  document.getElementById("nav").replaceChildren(
    ...NAVIGATION.map(([to, text]) =>
      el("a", { href: `#${to}`, "aria-current": path === to ? "page" : null }, text)
    ),
  );
}

addEventListener("hashchange", () => {
  show();
  view.focus({ preventScroll: true });
  scrollTo(0, 0);
});
show();
