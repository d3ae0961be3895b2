// A chart with its head: asks for its curves while it is in sight, and gives them as PNG, SVG and CSV.
import { address, get } from "../api.js";
import { el, save } from "../dom.js";
import { titleOf } from "../format.js";
import { Chart } from "./chart.js";
import { PALE } from "./chart_options.js";

/** One name's curves of the picked runs. `node` is its element. */
export class ChartCard {
  #name;
  #wish;
  #page;
  #chart;
  #asking = new AbortController();
  #version = "";
  /** Whether it is in sight, or close to it. */
  seen = false;

  /**
   * @param {{name: string, height: number, wish: () => {picked: Set<string>, over: string, log: boolean, smooth: number, range: Array},
   *   onrange: (from: number | null, to: number | null) => void}} options `wish` tells how curves are to be drawn now
   * @param {{news: import("../news.js").News, colorOf: (run: string) => number, nameOf: (run: string) => string, frame: () => Promise}} page
   * What all charts of a page share; `frame` gives turns to draw
   */
  constructor({ name, height, wish, onrange }, page) {
    this.#name = name;
    this.#wish = wish;
    this.#page = page;
    const title = titleOf(name);
    this.#chart = new Chart({ name, title, height, onrange });
    this.node = el(
      "section",
      { class: "card chartcard", "aria-label": title },
      el("div", { class: "head" }, el("h2", null, title), this.#files(title)),
      this.#chart.node,
    );
  }

  /** Draws what is wished now; nothing is asked for where that is shown already. */
  async draw() {
    const { picked, over, log, smooth } = this.#wish();
    const { news, colorOf, nameOf, frame } = this.#page;
    if (picked.size === 0) return;
    const query = { ...this.#query(), points: 2 * pointsFor(this.node.clientWidth || 800, picked.size) };
    const versions = [...picked].map((run) => news.runs.find(({ id }) => id === run)?.version);
    const version = JSON.stringify([query, log, versions]);
    if (version === this.#version) return;
    this.#version = version;
    this.#asking.abort();
    const { signal } = this.#asking = new AbortController();
    try {
      const view = await get("curves", query, signal);
      await frame();
      if (signal.aborted || view.range === null) return;
      const part = [query.from ?? view.range[0], query.to ?? view.range[1]];
      const isWhole = query.from === null && query.to === null;
      this.#chart.show({ runs: query.run, over, log, smooth, view, part, isWhole, colorOf, nameOf });
    } catch (error) {
      if (signal.aborted) return;
      this.#version = "";
      news.fault(error);
    }
  }

  /** Lets no answer to an earlier question come. */
  abort() {
    this.#asking.abort();
  }

  destroy() {
    this.#chart.destroy();
  }

  #query() {
    const { picked, over, smooth, range: [from, to] } = this.#wish();
    return {
      run: [...picked],
      name: this.#name,
      over,
      from,
      to,
      smooth,
      logged: picked.size <= PALE ? 1 : null,
    };
  }

  #files(title) {
    const link = (format, path, query) =>
      el("a", {
        class: "button",
        download: "",
        href: "#",
        onclick: (event) => event.currentTarget.href = address(path, query()),
        "aria-label": `${title} as ${format}`,
      }, format);
    const png = async () => save(`${this.#name.replace(/[^\w-]+/g, "_")}.png`, await this.#chart.png());
    return el(
      "span",
      { class: "files" },
      el("button", { type: "button", onclick: png, "aria-label": `${title} as PNG` }, "PNG"),
      link("SVG", "curves.svg", () => ({ ...this.#query(), log: this.#wish().log ? 1 : null })),
      link("CSV", "curves.csv", () => this.#query()),
    );
  }
}

/** Places of a chart: a bucket a pixel, fewer where many runs would take too long to draw. */
function pointsFor(width, runs) {
  return Math.max(50, Math.round(runs > 20 ? width / 3 : runs > 8 ? width / 2 : width));
}
