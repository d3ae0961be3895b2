// The board's page: which view an address shows.
import { el } from "./dom.js";
import { newPage } from "./control/new_training.js";
import { talkPage } from "./control/talk.js";
import { comparePage } from "./evaluations/compare.js";
import { evaluationPage } from "./evaluations/evaluation.js";
import { evaluationsPage } from "./evaluations/evaluations.js";
import { listen } from "./news.js";
import { configPage } from "./run/configs.js";
import { runPage } from "./run/run.js";
import { runsPage } from "./runs/runs.js";

const view = document.getElementById("view"),
  fault = document.getElementById("fault"),
  live = document.getElementById("live");

/** Views by the first part of the address behind #. */
const PAGES = {
  "/runs": runsPage,
  "/run": runPage,
  "/config": configPage,
  "/evaluations": evaluationsPage,
  "/evaluation": evaluationPage,
  "/compare": comparePage,
  "/new": newPage,
  "/talk": talkPage,
};

/** Pages of the bar; `control`: only where the board may start something. */
const NAVIGATION = [
  { to: "/runs", text: "Runs", holds: ["/runs", "/run", "/config", "/talk"] },
  { to: "/evaluations", text: "Evaluations", holds: ["/evaluations", "/evaluation", "/compare"] },
  { to: "/new", text: "New training", holds: ["/new"], control: true },
];

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
  navigation();
}

function navigation() {
  const [path] = (location.hash.slice(1) || "/runs").split("?");
  document.getElementById("nav").replaceChildren(
    ...NAVIGATION.filter(({ control }) => !control || news.control).map(({ to, text, holds }) =>
      el("a", { href: `#${to}`, "aria-current": holds.includes(path) ? "page" : null }, text)
    ),
  );
}

addEventListener("hashchange", () => {
  show();
  view.focus({ preventScroll: true });
  scrollTo(0, 0);
});
show();
let control = false;
news.listen(() => {
  if (news.control === control) return;
  control = news.control;
  navigation();
});
