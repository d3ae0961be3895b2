/**
 * Attention as compute shaders, see `_wgsl_attention_tiles.ts`.
 * @module
 */
import type { WgslLimits, WgslProgram } from "../kernel.ts";
import { elementOf, shader } from "./_wgsl.ts";
import {
  type AttentionShape,
  BLOCK,
  boundsDispatch,
  boundsSize,
  HEADER,
  memory,
  queryParts,
  readRow,
  THREADS,
  visibility,
  walk,
  weighted,
  widthFor,
  writeAll,
  writeRow,
} from "./_wgsl_attention_tiles.ts";

/** `o`, 32 queries of a head a workgroup. */
export function attentionShaders(at: AttentionShape, limits: WgslLimits): WgslProgram {
  const element = elementOf(widthFor(at));
  const query = { cols: "qcols", head: "head", count: "sizes.queries" } as const;
  const key = { cols: "kvcols", head: "kv", count: "sizes.rows" } as const;
  return {
    temporaries: { bounds: boundsSize(at) },
    dispatches: [
      boundsDispatch(at),
      ...queryParts(at, limits).map(({ part, sizes }) =>
        shader({
          label: "attention",
          threads: THREADS,
          read: { q: { element, part }, k: { element }, v: { element }, bounds: { element: "i32" } },
          write: { o: { element, part } },
          sizes,
          groups: sizes.blocks * at.heads,
          declarations: [
            memory(at, ["factors"]),
            visibility(at),
            readRow(at, { name: "q", ...query }),
            readRow(at, { name: "k", ...key }),
            readRow(at, { name: "v", ...key }),
            writeRow(at, { name: "o", ...query }),
          ].join("\n"),
          body: `${HEADER}
  let head = group % ${at.heads}u; let kv = head / ${at.heads / at.kvHeads}u;
  // The last queries see the most keys, so they go first.
  let start = (sizes.blocks - 1u - group / ${at.heads}u) * ${BLOCK}u;
${walk(at, { value: (i, j) => `p${i}_${j}`, result: weighted(at, "acc", "factors", "v", "key", "kv") })}
${writeAll(at, "o", "acc", "start", "head", (i) => `(1f / l${i})`)}`,
        })
      ),
    ],
  };
}
