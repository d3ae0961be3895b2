// A chart of several runs' curves on uPlot: zoom by drag, wheel and keys, values under the cursor, a table for those who see no
// picture.
import { el, later } from "../dom.js";
import { valueOf } from "../format.js";
import { css, curvesOf, lookOf, plotData, plotOptions } from "./chart_options.js";
import { numbersTable } from "./chart_table.js";
import { makeReadout, NAMED } from "./readout.js";

/** A classic script of its package, loaded by index.html. */
const { uPlot } = globalThis;

/** So long after its last turn the wheel rests. */
const TURNING_MS = 150;

const dark = matchMedia("(prefers-color-scheme: dark)");

/** One chart. `node` is its element. */
export class Chart {
  #name;
  #title;
  #height;
  #onrange;
  #box = el("div", { class: "plot", tabIndex: 0, role: "img" });
  #readout;
  #numbers = el(
    "details",
    { class: "numbers", ontoggle: () => this.#fillNumbers() },
    el("summary", null, "As a table"),
  );
  /** uPlot's chart; null before the first curves and behind `destroy()`. */
  #plot = null;
  /** State that is shown, and the last one of all there is of the same curves. */
  #shown = null;
  #whole = null;
  #look = "";
  /** What the next frame is to do, and its number while it is awaited. */
  #next = {};
  #frame = 0;
  #turned = -Infinity;
  #readLater = later(TURNING_MS, () => this.#soon({ read: true }));
  #resized = new ResizeObserver(() => this.#fitWidth());
  #recolored = () => this.#shown !== null && this.#build(this.#shown);

  /**
   * @param {{name: string, title: string, height: number, onrange: (from: number | null, to: number | null) => void}} options
   * `onrange` is told which part is to be fetched; null and null is all
   */
  constructor({ name, title, height, onrange }) {
    this.#name = name;
    this.#title = title;
    this.#height = height;
    this.#onrange = onrange;
    this.#readout = makeReadout(name);
    this.node = el("div", { class: "chartbox" }, this.#box, this.#readout.node, this.#numbers);
    this.#box.addEventListener("keydown", (event) => this.#pressed(event));
    this.#resized.observe(this.#box);
    dark.addEventListener("change", this.#recolored);
  }

  /**
   * Shows curves: `{runs, over, log, smooth, view, part, isWhole, colorOf, nameOf}`; `part` is what was asked for, `isWhole` whether
   * that is all there is.
   */
  show(state) {
    this.#shown = state;
    if (state.isWhole) this.#whole = state;
    else if (this.#whole !== null && curvesOf(this.#whole) !== curvesOf(state)) this.#whole = null;
    const look = lookOf(state);
    if (this.#plot !== null && look === this.#look) this.#soon({ state });
    else {
      delete this.#next.state;
      this.#build(state);
    }
    this.#look = look;
    this.#box.setAttribute("aria-label", labelOf(this.#title, this.#name, state));
    if (this.#numbers.open) this.#fillNumbers();
  }

  /** The picture as PNG. */
  async png() {
    const { canvas } = this.#plot.ctx;
    const copy = el("canvas", { width: canvas.width, height: canvas.height });
    const context = copy.getContext("2d");
    context.fillStyle = css("--card");
    context.fillRect(0, 0, copy.width, copy.height);
    context.drawImage(canvas, 0, 0);
    return await new Promise((resolve) => copy.toBlob(resolve, "image/png"));
  }

  destroy() {
    this.#resized.disconnect();
    dark.removeEventListener("change", this.#recolored);
    cancelAnimationFrame(this.#frame);
    this.#plot?.destroy();
    this.#plot = null;
  }

  #build(state) {
    this.#plot?.destroy();
    const options = plotOptions({
      name: this.#name,
      state,
      width: this.#box.clientWidth,
      height: this.#height,
      isDark: dark.matches,
      hooks: { setCursor: [() => this.#read()], setSelect: [({ select }) => this.#selected(select)] },
    });
    this.#plot = new uPlot(options, plotData(state), this.#box);
    this.#showPart(state);
    this.#plot.over.addEventListener("dblclick", () => this.#onrange(null, null));
    this.#plot.over.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #redraw(state) {
    this.#plot.setData(plotData(state), false);
    this.#showPart(state);
  }

  /** The part that was asked for, whatever its points are; a lone place has one around it. */
  #showPart({ part: [min, max] }) {
    if (max > min) this.#plot.setScale("x", { min, max });
    else this.#plot.setData(this.#plot.data);
  }

  #fillNumbers() {
    this.#numbers.querySelector(".scroll")?.remove();
    if (this.#numbers.open && this.#shown !== null) {
      this.#numbers.append(numbersTable(this.#title, this.#name, this.#shown));
    }
  }

  #fitWidth() {
    const width = this.#box.clientWidth;
    if (this.#plot !== null && Math.abs(width - this.#plot.width) > 1) {
      this.#plot.setSize({ width, height: this.#height });
    }
  }

  #zoom(from, to) {
    const [first, last] = this.#shown.view.range;
    const [a, b] = [Math.max(first, from), Math.min(last, to)];
    if (!(b > a)) return;
    // what is there is shown at once, finer values come when they are fetched
    const { x } = this.#shown.view;
    if ((a < x[0] || b > x.at(-1)) && this.#whole !== null && this.#whole.view !== this.#shown.view) {
      this.#shown = this.#whole;
      this.#plot.setData(plotData(this.#shown), false);
    }
    this.#plot.setScale("x", { min: a, max: b });
    this.#onrange(a <= first ? null : a, b >= last ? null : b);
  }

  #scaleAround(place, factor) {
    const { min, max } = this.#plot.scales.x;
    this.#zoom(place - (place - min) * factor, place + (max - place) * factor);
  }

  /** Moves the part by a share of its width. */
  #move(share) {
    const { min, max } = this.#plot.scales.x, [first, last] = this.#shown.view.range;
    const way = Math.min(last - max, Math.max(first - min, share * (max - min)));
    this.#zoom(min + way, max + way);
  }

  #selected({ left, width }) {
    if (width < 4) return;
    this.#zoom(this.#plot.posToVal(left, "x"), this.#plot.posToVal(left + width, "x"));
    this.#plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    this.#turned = performance.now();
    // the cursor is where the mouse moved last, and the page may have moved under it since
    const left = event.clientX - this.#plot.over.getBoundingClientRect().left;
    this.#soon({ left, factor: (this.#next.factor ?? 1) * (event.deltaY > 0 ? 1.25 : 0.8) });
  }

  #pressed(event) {
    const plot = this.#plot;
    if (plot === null || this.#shown.view.range === null) return;
    const width = plot.over.clientWidth;
    const cursor = plot.cursor.left < 0 ? width / 2 : plot.cursor.left;
    const step = event.shiftKey ? 1 : 10;
    const moveCursor = (left) =>
      plot.setCursor({ left: Math.min(width - 1, Math.max(0, left)), top: this.#height / 3 });
    const scale = (factor) => this.#scaleAround(plot.posToVal(cursor, "x"), factor);
    const keys = {
      ArrowLeft: () => moveCursor(cursor - step),
      ArrowRight: () => moveCursor(cursor + step),
      "+": () => scale(0.7),
      "=": () => scale(0.7),
      "-": () => scale(1.4),
      PageUp: () => this.#move(-0.5),
      PageDown: () => this.#move(0.5),
      Escape: () => this.#onrange(null, null),
    };
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    this.#readout.node.setAttribute("aria-live", "polite");
    keys[event.key]();
  }

  /** Values under the cursor; while the wheel turns, nobody reads them. */
  #read() {
    if (performance.now() - this.#turned < TURNING_MS) this.#readLater();
    else this.#soon({ read: true });
  }

  /** Whatever is asked for meanwhile is drawn at once in the next frame. */
  #soon(what) {
    Object.assign(this.#next, what);
    this.#frame ||= requestAnimationFrame(() => {
      const { state, factor, left, read } = this.#next;
      this.#frame = 0;
      this.#next = {};
      if (this.#plot === null) return;
      if (state) this.#redraw(state);
      if (factor) this.#scaleAround(this.#plot.posToVal(left, "x"), factor);
      if (read) this.#readNow();
    });
  }

  #readNow() {
    const { idx, left } = this.#plot.cursor;
    if (idx === null || idx === undefined || left < 0) this.#readout.rest();
    else this.#readout.show(this.#shown, idx);
  }
}

/** A chart in a sentence, for those who see no picture. */
function labelOf(title, name, { runs, view, over, log, nameOf }) {
  const lasts = runs.slice(0, NAMED).map((run, i) =>
    `${nameOf(run)}: ${valueOf(name, view.lines[i].findLast((value) => value !== null) ?? null)}`
  );
  return `${title} over ${over} of ${runs.length} runs${log ? ", logarithmic" : ""}. ${lasts.join(", ")}`;
}
