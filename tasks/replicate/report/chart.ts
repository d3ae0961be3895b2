/**
 * The picture of a replication: one panel a measure, a bar a method, seeds as points.
 * @module
 */
import { vegaSvg } from "../../common/report/vega_svg.ts";
import { CHART_STYLE } from "../../train/outputs/plots/plots.ts";
import { MEASURES } from "../scores.ts";
import type { Numbers } from "./tables.ts";

/** SVG of the main table. */
export function chartSvg({ rows }: Numbers): Promise<string> {
  const names = rows.map(({ method }) => method.title);
  const y = { field: "method", type: "nominal", sort: names, title: null, axis: { labelLimit: 0 } };
  const x = (field: string) => ({
    field,
    type: "quantitative",
    title: "%",
    scale: { zero: true },
    axis: { tickCount: 5 },
  });
  return vegaSvg({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: { left: 14, right: 20, top: 14, bottom: 12 },
    columns: 2,
    concat: MEASURES.map(({ title }, i) => ({
      title: { text: title, fontSize: 15 },
      width: 300,
      height: { step: 24 },
      data: {
        values: rows.map(({ method, cells }) => ({
          method: method.title,
          value: 100 * (cells[i]?.value ?? 0),
          low: 100 * (cells[i]?.seeds[0] ?? 0),
          high: 100 * (cells[i]?.seeds[1] ?? 0),
          text: (100 * (cells[i]?.value ?? 0)).toFixed(1),
        })),
      },
      layer: [
        { mark: { type: "bar", color: "#9CC7E3" }, encoding: { y, x: x("value") } },
        {
          mark: { type: "rule", strokeWidth: 2.5, color: "#0072B2" },
          encoding: { y, x: x("low"), x2: { field: "high" } },
        },
        {
          mark: { type: "text", align: "left", dx: 4, fontSize: 12 },
          encoding: { y, x: x("high"), text: { field: "text" } },
        },
      ],
    })),
    config: CHART_STYLE,
  });
}
