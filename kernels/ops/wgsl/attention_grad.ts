/**
 * Gradients of attention as compute shaders, see `attention_tiles.ts`.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import {
  four,
  HEADER,
  KEYS,
  QUERIES,
  reduceRows,
  scores,
  sum,
  walk,
  weighted,
  writeAll,
  zeros,
} from "./attention_products.ts";
import {
  type AttentionShape,
  BLOCK,
  boundsDispatch,
  boundsSize,
  memory,
  quadsOf,
  type QueryPart,
  queryParts,
  rowReader,
  SCORES,
  THREADS,
  visibility,
  widthFor,
  writeRow,
} from "./attention_tiles.ts";
import { elementOf, literal, shader } from "./shader.ts";

/** `dq` (leaving statistics), then `dk` and `dv`. */
export function attentionGradShaders(shape: AttentionShape, limits: WgslLimits): WgslProgram {
  const parts = queryParts(shape, limits);
  return {
    temporaries: { bounds: boundsSize(shape), statistics: 4 * shape.heads * shape.rows },
    dispatches: [
      boundsDispatch(shape),
      ...parts.map((part) => queryGradient(shape, part)),
      ...parts.map((part) => keyGradient(shape, part)),
    ],
  };
}

function queryGradient(shape: AttentionShape, { part, sizes }: QueryPart): WgslDispatch {
  const element = elementOf(widthFor(shape)), sharing = shape.heads / shape.kvHeads;
  return shader({
    label: "attention_grad, dq",
    threads: THREADS,
    read: {
      q: { element, part },
      k: { element },
      v: { element },
      o: { element, part },
      dout: { of: "do", element, part },
      bounds: { element: "i32" },
    },
    write: { dq: { element, part }, statistics: { element: "vec4<f32>" } },
    sizes,
    workgroups: sizes.blocks * shape.heads,
    declarations: [
      memory(shape),
      visibility(shape),
      ...["q", "o", "dout"].map((name) => rowReader(shape, name, "query")),
      ...["k", "v"].map((name) => rowReader(shape, name, "key")),
      writeRow(shape, "dq", "query"),
    ].join("\n"),
    body: `${HEADER}
  let head = workgroup % ${shape.heads}u; let kv = head / ${sharing}u;
  let start = (sizes.blocks - 1u - workgroup / ${shape.heads}u) * ${BLOCK}u;
${four.map((i) => `  var delta${i} = 0f;`).join("\n")}
  for (var q = tx; q < ${quadsOf(shape)}u; q += 8u) {
${
      four.map((i) =>
        `    delta${i} += dot(read_o(start + ty + ${8 * i}u, head, q), read_dout(start + ty + ${
          8 * i
        }u, head, q));`
      ).join("\n")
    }
  }
${reduceRows("delta", sum)}
${
      walk(shape, {
        scores: scores(shape, { name: "g", a: QUERIES("dout"), b: KEYS("v") }),
        factor: (i, j) => `p${i}_${j} * (g${i}_${j} - delta${i})`,
        result: weighted(shape, { acc: "acc", b: KEYS("k") }),
      })
    }
${writeAll(shape, { to: QUERIES("dq"), acc: "acc", factor: (i) => `(${literal(shape.scale)} / l${i})` })}
${
      four.map((i) =>
        `  if (tx == 0u && start + ty + ${
          8 * i
        }u < sizes.queries) { statistics[head * sizes.rows + first + ty + ${
          8 * i
        }u] = vec4<f32>(m${i}, 1f / l${i}, delta${i}, 0f); }`
      ).join("\n")
    }`,
  });
}

function keyGradient(shape: AttentionShape, { part, sizes }: QueryPart): WgslDispatch {
  const element = elementOf(widthFor(shape)), sharing = shape.heads / shape.kvHeads, adds = sizes.offset > 0;
  const seen = (tensor: string) => ({ tensor, start: "query_start", head: "head" });
  return shader({
    label: "attention_grad, dk dv",
    threads: THREADS,
    read: {
      q: { element, part },
      k: { element },
      v: { element },
      dout: { of: "do", element, part },
      bounds: { element: "i32" },
      statistics: { element: "vec4<f32>" },
    },
    write: { dk: { element }, dv: { element } },
    sizes,
    workgroups: Math.ceil(shape.rows / BLOCK) * shape.kvHeads,
    declarations: [
      memory(shape),
      visibility(shape),
      ...["q", "dout"].map((name) => rowReader(shape, name, "query")),
      ...["k", "v"].map((name) => rowReader(shape, name, "key")),
      ...["dk", "dv"].map((name) => writeRow(shape, name, "key", adds)),
    ].join("\n"),
    body: `${HEADER}
  let kv = workgroup % ${shape.kvHeads}u; let block = workgroup / ${shape.kvHeads}u; let key = block * ${BLOCK}u;
  // Rows of the packed row that this part has and this block's keys are seen by; query_start counts from the part's beginning.
  let begin = max(key, sizes.offset);
  let end = min(u32(bounds[2u * sizes.rows + block]), sizes.offset + sizes.queries);
${zeros(shape, "dk")}
${zeros(shape, "dv")}
  for (var head = kv * ${sharing}u; head < (kv + 1u) * ${sharing}u; head++) {
  for (var start = begin; start < end; start += ${BLOCK}u) {
    let query_start = start - sizes.offset;
${scores(shape, { name: "s", a: KEYS("k"), b: seen("q") })}
${scores(shape, { name: "g", a: KEYS("v"), b: seen("dout") })}
${
      four.map((j) =>
        `    let query${j} = start + tx + ${
          8 * j
        }u; let known${j} = statistics[head * sizes.rows + min(query${j}, sizes.rows - 1u)];`
      ).join("\n")
    }
${
      four.flatMap((i) =>
        four.map((j) =>
          `    let p${i}_${j} = select(0f, exp(min(0f, s${i}_${j} * ${
            literal(shape.scale)
          } - known${j}.x)) * known${j}.y, sees(query${j}, key + ty + ${8 * i}u));`
        )
      ).join("\n")
    }
    workgroupBarrier();
${
      four.map((i) =>
        `    factors[(ty + ${8 * i}u) * ${SCORES}u + tx] = vec4<f32>(${
          four.map((j) => `p${i}_${j}`).join(", ")
        });`
      ).join("\n")
    }
${weighted(shape, { acc: "dv", b: seen("dout") })}
    workgroupBarrier();
${
      four.map((i) =>
        `    factors[(ty + ${8 * i}u) * ${SCORES}u + tx] = vec4<f32>(${
          four.map((j) => `p${i}_${j} * (g${i}_${j} - known${j}.z)`).join(", ")
        });`
      ).join("\n")
    }
${weighted(shape, { acc: "dk", b: seen("q") })}
  }
  }
${writeAll(shape, { to: KEYS("dk"), acc: "dk", factor: () => literal(shape.scale) })}
${writeAll(shape, { to: KEYS("dv"), acc: "dv", factor: () => "1f" })}`,
  });
}
