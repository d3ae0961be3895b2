/**
 * A ring of what a benchmark asks for.
 * @module
 */
import { type Chart, CHART_COLORS, reportSvg } from "./chart.ts";

/** Number of constraints by pair of groups. */
export interface RingPart {
  /** Inner ring. */
  inner: string;
  /** Outer ring; "" without one. */
  outer: string;
  /** Number of constraints, ≥ 1. */
  count: number;
}

const size = (list: readonly RingPart[]) => list.reduce((sum, { count }) => sum + count, 0);

/** Arcs one behind the other, in counts: of each type, and with `hasOuter` of its parts, the largest first and darkest. */
function arcsOf(types: readonly (readonly [label: string, parts: readonly RingPart[]])[], hasOuter: boolean) {
  let angle = 0;
  return types.flatMap(([type, parts]) => {
    const start = angle, sorted = [...parts].sort((a, b) => b.count - a.count);
    const outer = sorted.map(({ count }, i) => ({
      ring: "outer",
      type,
      from: angle,
      to: angle += count,
      shade: 0.75 - 0.5 * i / sorted.length,
    }));
    return [...(hasOuter ? outer : []), { ring: "inner", type, from: start, to: angle, shade: 0.95 }];
  });
}

/** The ring: which types of constraints there are (inside), and which dimensions they have (outside). */
export async function ringChart(
  parts: readonly RingPart[],
  inner: string,
  outer: string | null,
): Promise<Chart | null> {
  const total = size(parts);
  const types = Map.groupBy(parts, (p) => p.inner);
  if (types.size < 2) return null;
  const ordered = [...types].sort((a, b) => size(b[1]) - size(a[1]));
  const shown = ordered.length > CHART_COLORS.length
    ? [
      ...ordered.slice(0, CHART_COLORS.length - 1),
      ["others", ordered.slice(CHART_COLORS.length - 1).flatMap(([, list]) => list)] as const,
    ]
    : ordered;
  const share = (count: number) => `  ${(100 * count / total).toFixed(1)} %`;
  const label = (name: string, count: number) => name + share(count);
  const arcs = arcsOf(shown.map(([name, list]) => [label(name, size(list)), list]), outer !== null);
  const color = {
    field: "type",
    type: "nominal",
    scale: {
      domain: shown.map(([name, list]) => label(name, size(list))),
      range: CHART_COLORS.slice(0, shown.length),
    },
    legend: null,
  };
  const arc = (ring: string, innerRadius: number, outerRadius: number) => ({
    transform: [{ filter: { field: "ring", equal: ring } }],
    mark: { type: "arc", innerRadius, outerRadius, stroke: "white", strokeWidth: 1 },
    encoding: {
      theta: {
        field: "from",
        type: "quantitative",
        scale: { domain: [0, total], range: [0, 2 * Math.PI] },
        stack: null,
      },
      theta2: { field: "to" },
      color,
      opacity: { field: "shade", type: "quantitative", scale: null },
    },
  });
  return {
    title: "What is asked for",
    note: `${total} constraints by ${inner}` + (outer === null ? "" : `; outer ring: by ${outer}`),
    legend: shown.map(([name, list], i) => ({ name, share: share(size(list)), color: CHART_COLORS[i]! })),
    svg: await reportSvg({
      width: 300,
      height: 300,
      data: { values: arcs },
      layer: [arc("inner", 62, 108), ...(outer === null ? [] : [arc("outer", 112, 146)])],
    }),
  };
}
