/**
 * Attention as compute shaders, see `attention_tiles.ts`.
 * @module
 */
import type { WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { HEADER, KEYS, QUERIES, walk, weighted, writeAll } from "./attention_products.ts";
import {
  type AttentionShape,
  BLOCK,
  boundsDispatch,
  boundsSize,
  memory,
  queryParts,
  rowReader,
  THREADS,
  visibility,
  widthFor,
  writeRow,
} from "./attention_tiles.ts";
import { elementOf, shader } from "./shader.ts";

/** `o`, 32 queries of a head in each workgroup. */
export function attentionShaders(shape: AttentionShape, limits: WgslLimits): WgslProgram {
  const element = elementOf(widthFor(shape)), sharing = shape.heads / shape.kvHeads;
  return {
    temporaries: { bounds: boundsSize(shape) },
    dispatches: [
      boundsDispatch(shape),
      ...queryParts(shape, limits).map(({ part, sizes }) =>
        shader({
          label: "attention",
          threads: THREADS,
          read: { q: { element, part }, k: { element }, v: { element }, bounds: { element: "i32" } },
          write: { o: { element, part } },
          sizes,
          workgroups: sizes.blocks * shape.heads,
          declarations: [
            memory(shape),
            visibility(shape),
            rowReader(shape, "q", "query"),
            rowReader(shape, "k", "key"),
            rowReader(shape, "v", "key"),
            writeRow(shape, "o", "query"),
          ].join("\n"),
          body: `${HEADER}
  let head = workgroup % ${shape.heads}u; let kv = head / ${sharing}u;
  // The last queries see the most keys, so they go first.
  let start = (sizes.blocks - 1u - workgroup / ${shape.heads}u) * ${BLOCK}u;
${walk(shape, { factor: (i, j) => `p${i}_${j}`, result: weighted(shape, { acc: "acc", b: KEYS("v") }) })}
${writeAll(shape, { to: QUERIES("o"), acc: "acc", factor: (i) => `(1f / l${i})` })}`,
        })
      ),
    ],
  };
}
