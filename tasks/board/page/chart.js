// A chart of several runs' curves on uPlot: zoom by drag, wheel and keys, values under the cursor, a table for those who see no
// picture.
import { el, later, table } from "./dom.js";
import { colorOf } from "../../common/page/colors.js";
import { placeOf, valueOf } from "./format.js";
import { linePaths } from "./line_path.js";
import { makeReadout, NAMED } from "./readout.js";

/** A classic script of its package, loaded by index.html. */
const { uPlot } = globalThis;

const HEIGHT = 300;
/** Distances of marks on the horizontal axis: whole steps, tokens and seconds, as they are written. */
const COUNTS = Array.from({ length: 13 }, (_, i) => [1, 2, 5].map((digit) => digit * 10 ** i)).flat();
const SECONDS = [
  1,
  5,
  10,
  30,
  60,
  300,
  600,
  1800,
  3600,
  7200,
  21_600,
  43_200,
  ...COUNTS.map((n) => n * 86_400),
];
/** So long after its last turn the wheel rests. */
const TURNING_MS = 150;
/** With more runs the unsmoothed curves would hide the smoothed ones. */
export const PALE = 8;

const dark = matchMedia("(prefers-color-scheme: dark)");

/**
 * @param {{name: string, title: string, height?: number, onrange: (from: number | null, to: number | null) => void}} options
 * `onrange` is told which part is to be fetched; null and null is all
 */
export function makeChart({ name, title, height = HEIGHT, onrange }) {
  const box = el("div", { class: "plot", tabIndex: 0, role: "img" });
  const readout = makeReadout(name);
  const numbers = el(
    "details",
    { class: "numbers", ontoggle: () => fillNumbers() },
    el("summary", null, "As a table"),
  );
  const fillNumbers = () => {
    numbers.querySelector(".scroll")?.remove();
    if (numbers.open && shown !== null) numbers.append(numbersTable(title, name, shown));
  };
  let plot = null, shown = null, shape = "", frame = 0, next = {}, zoomed = -Infinity, whole = null;

  const css = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable);

  function build(state) {
    const { runs, over, log, view } = state;
    plot?.destroy();
    const grid = { stroke: css("--line"), width: 1 };
    const axis = { stroke: css("--soft"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
    const pale = view.logged.length > 0 && runs.length <= PALE;
    const paths = linePaths(log);
    const line = (i, logged) => ({
      paths,
      stroke: colorOf(state.colorOf(runs[i]), dark.matches),
      alpha: logged ? 0.3 : 1,
      width: logged ? 1 : runs.length > PALE ? 1 : 1.75,
      spanGaps: true,
      points: { show: view.x.length < 40 && !logged, size: 5, fill: css("--card") },
    });
    plot = new uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height,
        legend: { show: false },
        cursor: {
          drag: { x: true, y: false, setScale: false },
          points: { show: runs.length <= PALE, size: 6 },
          dataIdx: undefined,
        },
        scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
        axes: [
          {
            ...axis,
            values: (_, ticks) => ticks.map((tick) => placeOf(over, tick)),
            incrs: over === "time" ? SECONDS : COUNTS,
            space: 70,
          },
          {
            ...axis,
            values: (_, ticks) => ticks.map((tick) => tick === null ? "" : valueOf(name, tick)),
            size: 66,
          },
        ],
        series: [
          {},
          ...(pale ? runs.map((_, i) => line(i, true)) : []),
          ...runs.map((_, i) => line(i, false)),
        ],
        hooks: {
          setCursor: [read],
          setSelect: [({ select }) => {
            if (select.width < 4) return;
            zoom(plot.posToVal(select.left, "x"), plot.posToVal(select.left + select.width, "x"));
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          }],
        },
      },
      dataOf(state),
      box,
    );
    show(state);
    plot.over.addEventListener("dblclick", () => onrange(null, null));
    plot.over.addEventListener("wheel", wheel, { passive: false });
  }

  function redraw(state) {
    plot.setData(dataOf(state), false);
    show(state);
  }

  /** The part that was asked for, whatever its points are; a lone place has one around it. */
  function show({ part: [min, max] }) {
    if (max > min) plot.setScale("x", { min, max });
    else plot.setData(plot.data);
  }

  function dataOf({ runs, view, log }) {
    const pale = view.logged.length > 0 && runs.length <= PALE ? view.logged : [];
    const lines = [...pale, ...view.lines];
    return [view.x, ...(log ? lines.map((line) => line.map((value) => value > 0 ? value : null)) : lines)];
  }

  function zoom(from, to) {
    const [first, last] = shown.view.range;
    const [a, b] = [Math.max(first, from), Math.min(last, to)];
    if (!(b > a)) return;
    // what is there is shown at once, finer values come when they are fetched
    const { x } = shown.view;
    if ((a < x[0] || b > x.at(-1)) && whole !== null && whole.view !== shown.view) {
      shown = whole;
      plot.setData(dataOf(shown), false);
    }
    plot.setScale("x", { min: a, max: b });
    onrange(a <= first ? null : a, b >= last ? null : b);
  }

  function scaled(factor, place) {
    const { min, max } = plot.scales.x;
    zoom(place - (place - min) * factor, place + (max - place) * factor);
  }

  function wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    zoomed = performance.now();
    // the cursor is where the mouse moved last, and the page may have moved under it since
    const left = event.clientX - plot.over.getBoundingClientRect().left;
    soon({ left, factor: (next.factor ?? 1) * (event.deltaY > 0 ? 1.25 : 0.8) });
  }

  function moved(share) {
    const { min, max } = plot.scales.x, [first, last] = shown.view.range;
    const way = Math.min(last - max, Math.max(first - min, share * (max - min)));
    zoom(min + way, max + way);
  }

  /** Values under the cursor; while the wheel turns, nobody reads them. */
  function read() {
    if (performance.now() - zoomed < TURNING_MS) readLater();
    else soon({ read: true });
  }
  const readLater = later(TURNING_MS, () => soon({ read: true }));

  /** Whatever is asked for meanwhile is drawn at once in the next frame. */
  function soon(what) {
    Object.assign(next, what);
    frame ||= requestAnimationFrame(() => {
      const { state, factor, left, read } = next;
      frame = 0;
      next = {};
      if (plot === null) return;
      if (state) redraw(state);
      if (factor) scaled(factor, plot.posToVal(left, "x"));
      if (!read) return;
      const { cursor: { idx, left: cursorLeft } } = plot;
      if (idx === null || idx === undefined || cursorLeft < 0) readout.rest();
      else readout.show(shown, idx);
    });
  }

  box.addEventListener("keydown", (event) => {
    if (plot === null || shown.view.range === null) return;
    const { left } = plot.cursor;
    const width = plot.over.clientWidth;
    const middle = plot.posToVal(left >= 0 ? left : width / 2, "x");
    const step = event.shiftKey ? 1 : 10;
    const keys = {
      ArrowLeft: () =>
        plot.setCursor({ left: Math.max(0, (left < 0 ? width / 2 : left) - step), top: height / 3 }),
      ArrowRight: () =>
        plot.setCursor({ left: Math.min(width - 1, (left < 0 ? width / 2 : left) + step), top: height / 3 }),
      "+": () => scaled(0.7, middle),
      "=": () => scaled(0.7, middle),
      "-": () => scaled(1.4, middle),
      PageUp: () => moved(-0.5),
      PageDown: () => moved(0.5),
      Escape: () => onrange(null, null),
    };
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    readout.node.setAttribute("aria-live", "polite");
    keys[event.key]();
  });

  const resized = new ResizeObserver(() => {
    if (plot !== null && Math.abs(box.clientWidth - plot.width) > 1) {
      plot.setSize({ width: box.clientWidth, height });
    }
  });
  resized.observe(box);
  const recolored = () => shown !== null && build(shown);
  dark.addEventListener("change", recolored);

  return {
    node: el("div", { class: "chartbox" }, box, readout.node, numbers),
    /**
     * Shows curves: `{runs, over, log, smooth, view, part, isWhole, colorOf, nameOf}`; `part` is what was asked for, `isWhole` whether
     * that is all there is.
     */
    show(state) {
      shown = state;
      if (state.isWhole) whole = state;
      else if (whole !== null && kindOf(whole) !== kindOf(state)) whole = null;
      const now = JSON.stringify([
        kindOf({ ...state, smooth: null }),
        state.view.logged.length > 0,
        state.view.x.length < 40,
      ]);
      if (plot !== null && now === shape) soon({ state });
      else {
        delete next.state;
        build(state);
      }
      shape = now;
      const lasts = state.runs.map((
        run,
        i,
      ) => [run, state.view.lines[i].findLast((value) => value !== null) ?? null]);
      box.setAttribute(
        "aria-label",
        `${title} over ${state.over} of ${state.runs.length} runs${state.log ? ", logarithmic" : ""}. ` +
          lasts.slice(0, NAMED).map(([run, value]) => `${state.nameOf(run)}: ${valueOf(name, value)}`).join(
            ", ",
          ),
      );
      if (numbers.open) fillNumbers();
    },
    /** The picture as PNG. */
    async png() {
      const { canvas } = plot.ctx;
      const copy = el("canvas", { width: canvas.width, height: canvas.height });
      const context = copy.getContext("2d");
      context.fillStyle = css("--card");
      context.fillRect(0, 0, copy.width, copy.height);
      context.drawImage(canvas, 0, 0);
      return await new Promise((resolve) => copy.toBlob(resolve, "image/png"));
    },
    destroy() {
      resized.disconnect();
      dark.removeEventListener("change", recolored);
      cancelAnimationFrame(frame);
      plot?.destroy();
      plot = null;
    },
  };
}

/** States with the same one are parts of the same curves. */
function kindOf({ runs, over, log, smooth }) {
  return JSON.stringify([runs, over, log, smooth]);
}

function numbersTable(title, name, { runs, view, over, nameOf }) {
  return table({
    caption: `${title}: first, lowest, highest and last value of every run`,
    columns: ["run", `${over} from`, "to", "first", "lowest", "highest", "last"],
    rows: runs.map((run, i) => {
      const there = view.lines[i].map((value, place) => [view.x[place], value]).filter(([, value]) =>
        value !== null
      );
      if (there.length === 0) return [nameOf(run), "–", "–", "–", "–", "–", "–"];
      const values = there.map(([, value]) => value);
      const places = [there[0][0], there.at(-1)[0]].map((place) => placeOf(over, place));
      const lowest = values.reduce((a, b) => Math.min(a, b)),
        highest = values.reduce((a, b) => Math.max(a, b));
      return [
        nameOf(run),
        ...places,
        ...[values[0], lowest, highest, values.at(-1)].map((value) => valueOf(name, value)),
      ];
    }),
  });
}
