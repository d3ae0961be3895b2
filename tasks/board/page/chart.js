// A chart of several runs' curves on uPlot: zoom by drag, wheel and keys, values under the cursor, a table for those who see no
// picture.
import { el, table } from "./dom.js";
import { colorOf } from "../../common/page/colors.js";
import { placeOf, valueOf } from "./format.js";

/** A classic script of its package, loaded by index.html. */
const { uPlot } = globalThis;

const HEIGHT = 300;
/** Runs named under the cursor; the rest is counted. */
const NAMED = 12;
/** With more runs the unsmoothed curves would hide the smoothed ones. */
export const PALE = 8;

const dark = matchMedia("(prefers-color-scheme: dark)");

/**
 * @param {{name: string, title: string, height?: number, onrange: (from: number | null, to: number | null) => void}} options
 * `onrange` is told which part is to be fetched; null and null is all
 */
export function makeChart({ name, title, height = HEIGHT, onrange }) {
  const box = el("div", { class: "plot", tabIndex: 0, role: "img" });
  const readout = el("div", { class: "readout", "aria-live": "off" });
  const numbers = el("details", { class: "numbers" });
  let plot = null, shown = null, shape = "", frame = 0;

  const css = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable);

  function build(state) {
    const { runs, over, log, view } = state;
    plot?.destroy();
    const grid = { stroke: css("--line"), width: 1 };
    const axis = { stroke: css("--soft"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
    const pale = view.logged.length > 0 && runs.length <= PALE;
    const line = (i, logged) => ({
      stroke: colorOf(state.colorOf(runs[i]), dark.matches),
      alpha: logged ? 0.3 : 1,
      width: logged ? 1 : runs.length > PALE ? 1 : 1.75,
      spanGaps: true,
      points: { show: view.x.length < 40 && !logged, size: 5 },
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
          { ...axis, values: (_, ticks) => ticks.map((tick) => placeOf(over, tick)), space: 70 },
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
    plot.over.addEventListener("dblclick", () => onrange(null, null));
    plot.over.addEventListener("wheel", wheel, { passive: false });
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
    scaled(event.deltaY > 0 ? 1.25 : 0.8, plot.posToVal(plot.cursor.left, "x"));
  }

  function moved(share) {
    const { min, max } = plot.scales.x;
    zoom(min + (max - min) * share, max + (max - min) * share);
  }

  /** Values under the cursor, the highest first. */
  function read() {
    if (frame !== 0) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      const index = plot?.cursor.idx;
      if (index === null || index === undefined || plot.cursor.left < 0) return readout.replaceChildren(hint);
      const { runs, view, over } = shown;
      const found = [];
      for (let i = 0; i < runs.length; i++) {
        const value = nearest(view.lines[i], index);
        if (value !== null) found.push([i, value]);
      }
      found.sort((a, b) => b[1] - a[1]);
      readout.replaceChildren(
        el("b", null, `${over} ${placeOf(over, view.x[index])}`),
        ...found.slice(0, NAMED).map(([i, value]) =>
          el(
            "span",
            null,
            el("i", { style: { background: colorOf(shown.colorOf(runs[i]), dark.matches) } }),
            `${shown.nameOf(runs[i])} `,
            el("b", null, valueOf(name, value)),
          )
        ),
        found.length > NAMED ? el("span", null, `and ${found.length - NAMED} more`) : "",
      );
    });
  }

  const hint = el(
    "span",
    { class: "hint" },
    "Drag, or Ctrl with the wheel, to zoom; double click shows all. Keys: arrows move, + and − zoom, Escape shows all.",
  );
  readout.append(hint);

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
    readout.setAttribute("aria-live", "polite");
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
    node: el("div", { class: "chartbox" }, box, readout, numbers),
    /** Shows curves: `{runs, over, log, view, colorOf, nameOf}`. */
    show(state) {
      shown = state;
      const next = JSON.stringify([
        state.runs,
        state.over,
        state.log,
        state.view.logged.length > 0,
        state.view.x.length < 40,
      ]);
      if (plot === null || next !== shape) build(state);
      else plot.setData(dataOf(state));
      shape = next;
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
      const fill = () =>
        numbers.replaceChildren(
          el("summary", null, "As a table"),
          numbers.open ? numbersTable(title, name, state) : "",
        );
      numbers.ontoggle = fill;
      fill();
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
      plot?.destroy();
      plot = null;
    },
  };
}

/** A line has no value where only others have one: the nearest within a few places counts. */
function nearest(line, index) {
  for (let away = 0; away < 6; away++) {
    const value = line[index - away] ?? line[index + away] ?? null;
    if (value !== null) return value;
  }
  return null;
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
