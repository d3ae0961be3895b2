/**
 * What a report's charts have in common: their form, colours and style, as SVG by vega-lite.
 * @module
 */
import { vegaSvg } from "../../common/report/vega_svg.ts";

/** One chart. */
export interface Chart {
  /** Text of its head. */
  title: string;
  /** Description, a sentence. */
  note: string;
  /** SVG text. */
  svg: string;
  /** Meaning of the colours; none where there is one colour. The page draws it, because only a browser can measure text. */
  legend: { name: string; color: string; /** Of all, as text. */ share?: string }[];
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK SC', sans-serif";
/** Okabe and Ito's colours, told apart by colour-blind readers. */
export const CHART_COLORS: readonly string[] = [
  "#0072B2",
  "#E69F00",
  "#009E73",
  "#CC79A7",
  "#56B4E9",
  "#D55E00",
  "#B8A900",
  "#7A7A7A",
];

/** SVG of a specification, in a report's style. */
export function reportSvg(spec: Record<string, unknown>): Promise<string> {
  return vegaSvg({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "transparent",
    ...spec,
    config: {
      font: FONT,
      view: { stroke: null },
      axis: { labelFontSize: 12, gridColor: "#88888833", labelColor: "#333333" },
      text: { fill: "#333333" },
    },
  });
}
