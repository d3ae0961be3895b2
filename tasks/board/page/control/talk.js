// Talking to what was trained.
import { post } from "../api.js";
import { el, refill } from "../dom.js";

/** The page of a server over a run's model, beside its base; `?run=ID`. */
export function talkPage({ params, news }) {
  const run = params.get("run") ?? "";
  const box = el("div", null, el("p", { class: "hint", role: "status" }, "Opening the model"));
  const head = el("h1", null);
  const told = () => {
    const name = news.runs.find(({ id }) => id === run)?.name ?? run;
    refill(head, "Talk to ", el("a", { href: `#/run?run=${encodeURIComponent(run)}` }, name));
  };
  told();
  post("control/talk", { run }).then(({ id, left, right }) => {
    const query = new URLSearchParams({ left, ...(right !== "" && { beside: right }) });
    box.replaceChildren(
      el("iframe", { title: `Talk to ${id}`, src: `talk/${encodeURIComponent(id)}/?${query}` }),
    );
  }).catch((error) => {
    box.replaceChildren();
    news.fault(error);
  });
  return { node: el("div", { class: "talk" }, head, box), title: "Talk", close: news.listen(told) };
}
