/**
 * The table of `deno task bench kernels --shapes`.
 * @module
 */
import { FEW, LEAST_SHARE, type ShapeTiming } from "../../kernels/shapes_bench.ts";
import { textTable } from "../common/report/table.ts";

const COLUMNS = ["model", "product", "weight", "rows", "n × k", "ms", "GFLOP/s", "GB/s", "of neighbours", ""]
  .map((
    title,
  ) => ({
    title,
    align: ["model", "product", "weight", ""].includes(title) ? "left" as const : "right" as const,
  }));

/** A human-readable table of a backend's shapes; those below 0.7 of a neighbour are marked. */
export function shapesText(description: string, timings: readonly ShapeTiming[]): string {
  const cells = timings.map((timing) => [
    timing.model,
    timing.layout,
    timing.storage,
    String(timing.rows),
    `${timing.out} × ${timing.in}`,
    timing.milliseconds.toFixed(3),
    timing.gflops.toFixed(1),
    timing.gbs.toFixed(1),
    timing.share.toFixed(2),
    timing.share < LEAST_SHARE ? "slow" : "",
  ]);
  const slow = timings.filter(({ share }) => share < LEAST_SHARE).length;
  return [
    `${description}: products with a frozen matrix n × k; up to ${FEW} rows by bytes a second, above by operations,`,
    "beside the best of the same matrix in the other weight or product, fewer rows, and the next smaller matrix.",
    "",
    ...textTable({ columns: COLUMNS, rows: cells }, Infinity),
    "",
    `${slow} of ${timings.length} shapes are below ${LEAST_SHARE} of a neighbour.`,
  ].join("\n");
}
