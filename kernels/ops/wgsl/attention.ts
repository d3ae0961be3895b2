/**
 * Attention as compute shaders, see `attention_tiles.ts`.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { HEADER, KEYS, QUERIES, walk, weighted, writeAll, writeShare } from "./attention_products.ts";
import {
  joinShares,
  queryOwner,
  queryRanges,
  queryTemporaries,
  queryWorkgroups,
} from "./attention_shares.ts";
import {
  type AttentionShape,
  boundsDispatch,
  boundsSize,
  memory,
  type QueryPart,
  queryParts,
  rowReader,
  THREADS,
  widthFor,
  writeRow,
} from "./attention_tiles.ts";
import { elementOf, shader } from "./shader.ts";

/** `o`, 32 queries of a head in each workgroup, or in several that share the keys. */
export function attentionShaders(given: AttentionShape, limits: WgslLimits): WgslProgram {
  const shape = { ...given, subgroups: limits.subgroups };
  const parts = queryParts(shape, limits), ranges = parts.length === 1 ? queryRanges(shape, limits) : 1;
  const bounds = boundsSize(shape), walks = parts.map((part) => queryWalk(shape, part, ranges));
  if (ranges === 1) return { temporaries: { bounds }, dispatches: [boundsDispatch(shape), ...walks] };
  const join = joinShares(shape, ranges, { label: "attention, join", to: "o", factor: 1, statistics: false });
  return {
    temporaries: { bounds, ...queryTemporaries(shape, ranges) },
    dispatches: [boundsDispatch(shape), ...walks, join],
  };
}

function queryWalk(shape: AttentionShape, { part, sizes }: QueryPart, ranges: number): WgslDispatch {
  const element = elementOf(widthFor(shape)), shared = ranges > 1;
  return shader({
    label: "attention",
    threads: THREADS,
    subgroups: shape.subgroups,
    read: { q: { element, part }, k: { element }, v: { element }, bounds: { element: "i32" } },
    write: shared
      ? { o: { of: "shares", element }, share_statistics: { element: "vec4<f32>" } }
      : { o: { element, part } },
    sizes: { ...sizes, ranges },
    workgroups: queryWorkgroups(sizes, shape, ranges),
    declarations: [
      memory(shape),
      rowReader(shape, "q", "query"),
      rowReader(shape, "k", "key"),
      rowReader(shape, "v", "key"),
      ...(shared ? ["var<private> share_rows: u32;"] : []),
      writeRow(shape, "o", "query", { share: shared }),
    ].join("\n"),
    body: `${HEADER}
${queryOwner(shape, shared)}
${
      walk(shape, {
        factor: (i, j) => `p${i}_${j}`,
        result: weighted(shape, { acc: "acc", b: KEYS("v") }),
        shared,
      })
    }
${
      shared
        ? writeShare(shape, { to: "o", statistics: "share_statistics", delta: () => "0f" })
        : writeAll(shape, { to: QUERIES("o"), acc: "acc", factor: (i) => `(1f / l${i})` })
    }`,
  });
}
