// What a run learns from, token by token.
import { get } from "../api.js";
import { el } from "../dom.js";

/** A card that reads the data and shows its first examples when it is asked to. */
export function tokensCard(run, news) {
  const button = el("button", { type: "button", onclick: show }, "Show examples token by token");
  const card = el("div", { class: "card" }, button);

  async function show() {
    button.disabled = true;
    button.textContent = "Reading the data";
    try {
      const { data, examples } = await get("tokens", { run });
      card.replaceChildren(
        el("pre", { class: "raw", tabIndex: 0 }, data),
        el(
          "p",
          { class: "legend" },
          el("span", { class: "token learnt" }, "learnt"),
          el("span", { class: "token" }, "only read"),
          el("span", { class: "token cut" }, "cut off"),
        ),
        ...examples.flatMap(({ file, row, sequences }) => [
          el("h3", null, `${file}, row ${row}`),
          ...sequences.map(({ name, tokens }) =>
            el("div", { class: "sequence" }, el("b", null, `${name} `), tokens.map(tokenSpan))
          ),
        ]),
      );
    } catch (error) {
      button.disabled = false;
      button.textContent = "Show examples token by token";
      news.fault(error);
    }
  }
  return card;
}

/** A token; line ends and lone spaces are seen. */
function tokenSpan([text, use]) {
  const shown = text.replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";
  return el("span", { class: `token ${use === 1 ? "learnt" : use === -1 ? "cut" : ""}` }, shown);
}
