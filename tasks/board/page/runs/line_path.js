// Lines of a chart as paths that are made once of their data: zooming only stretches them.

/**
 * Makes a path builder of uPlot, one a chart.
 * @param {boolean} log Whether the vertical axis is logarithmic; values are above 0 then
 */
export function linePaths(log) {
  const made = new WeakMap(), up = log ? Math.log10 : (value) => value;
  return (plot, series) => {
    const [places, values] = [plot.data[0], plot.data[series]];
    if (!made.has(values)) made.set(values, unitPath(places, values, up));
    const { path, x, y } = made.get(values);
    const { left, top, width, height } = plot.bbox, { x: across, y: along } = plot.scales;
    const [low, high] = [up(along.min), up(along.max)];
    const [a, d] = [width / (across.max - across.min), -height / (high - low)];
    const stroke = new Path2D();
    stroke.addPath(
      path,
      new DOMMatrix([
        a * x.span,
        0,
        0,
        d * y.span,
        left + a * (x.from - across.min),
        top + height + d * (y.from - low),
      ]),
    );
    return { stroke, fill: null, clip: null, band: null, gaps: null, flags: 0 };
  };
}

/** A line in a square of side 1: paths have numbers of single precision, which steps and tokens outgrow. */
function unitPath(places, values, up) {
  const x = spanOf(places, (place) => place), y = spanOf(values, up), path = new Path2D();
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null) path.lineTo((places[i] - x.from) / x.span, (up(values[i]) - y.from) / y.span);
  }
  return { path, x, y };
}

function spanOf(numbers, up) {
  let from = Infinity, to = -Infinity;
  for (const number of numbers) {
    if (number === null) continue;
    from = Math.min(from, up(number));
    to = Math.max(to, up(number));
  }
  return { from, span: to > from ? to - from : 1 };
}
