/**
 * Gradients of attention as compute shaders, see `_wgsl_attention_tiles.ts`.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslProgram } from "../kernel.ts";
import { elementOf, literal, shader } from "./_wgsl.ts";
import {
  type AttentionShape,
  BLOCK,
  boundsDispatch,
  boundsSize,
  four,
  HEADER,
  memory,
  quadsOf,
  queryParts,
  readRow,
  reduceRows,
  SCORES,
  scores,
  sum,
  THREADS,
  visibility,
  walk,
  weighted,
  widthFor,
  writeAll,
  writeRow,
  zeros,
} from "./_wgsl_attention_tiles.ts";

/** `dq` (leaving statistics), then `dk` and `dv`. */
export function attentionGradShaders(at: AttentionShape, limits: WgslLimits): WgslProgram {
  const parts = queryParts(at, limits);
  return {
    temporaries: { bounds: boundsSize(at), statistics: 4 * at.heads * at.rows },
    dispatches: [
      boundsDispatch(at),
      ...parts.map((part) => queryGradient(at, part)),
      ...parts.map((part) => keyGradient(at, part)),
    ],
  };
}

type QueryPart = ReturnType<typeof queryParts>[number];

function queryGradient(at: AttentionShape, { part, sizes }: QueryPart): WgslDispatch {
  const element = elementOf(widthFor(at)), group = at.heads / at.kvHeads;
  const query = { cols: "qcols", head: "head", count: "sizes.queries" } as const;
  const key = { cols: "kvcols", head: "kv", count: "sizes.rows" } as const;
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
    groups: sizes.blocks * at.heads,
    declarations: [
      memory(at, ["factors"]),
      visibility(at),
      ...["q", "o", "dout"].map((name) => readRow(at, { name, ...query })),
      ...["k", "v"].map((name) => readRow(at, { name, ...key })),
      writeRow(at, { name: "dq", ...query }),
    ].join("\n"),
    body: `${HEADER}
  let head = group % ${at.heads}u; let kv = head / ${group}u;
  let start = (sizes.blocks - 1u - group / ${at.heads}u) * ${BLOCK}u;
${four.map((i) => `  var delta${i} = 0f;`).join("\n")}
  for (var q = tx; q < ${quadsOf(at)}u; q += 8u) {
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
      walk(at, {
        scores: scores(at, "g", "dout", "start", "head", "v", "key", "kv"),
        value: (i, j) => `p${i}_${j} * (g${i}_${j} - delta${i})`,
        result: weighted(at, "acc", "factors", "k", "key", "kv"),
      })
    }
${writeAll(at, "dq", "acc", "start", "head", (i) => `(${literal(at.scale)} / l${i})`)}
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

function keyGradient(at: AttentionShape, { part, sizes }: QueryPart): WgslDispatch {
  const element = elementOf(widthFor(at)), group = at.heads / at.kvHeads, adds = sizes.offset > 0;
  const query = { cols: "qcols", head: "head", count: "sizes.queries" } as const;
  const key = { cols: "kvcols", head: "kv", count: "sizes.rows" } as const;
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
    groups: Math.ceil(at.rows / BLOCK) * at.kvHeads,
    declarations: [
      memory(at, ["factors"]),
      visibility(at),
      ...["q", "dout"].map((name) => readRow(at, { name, ...query })),
      ...["k", "v"].map((name) => readRow(at, { name, ...key })),
      ...["dk", "dv"].map((name) => writeRow(at, { name, ...key }, adds)),
    ].join("\n"),
    body: `${HEADER}
  let kv = group % ${at.kvHeads}u; let block = group / ${at.kvHeads}u; let key = block * ${BLOCK}u;
  // Rows of the packed row that this part has and this block's keys are seen by; at counts from the part's beginning.
  let begin = max(key, sizes.offset);
  let end = min(u32(bounds[2u * sizes.rows + block]), sizes.offset + sizes.queries);
${zeros(at, "dk")}
${zeros(at, "dv")}
  for (var head = kv * ${group}u; head < (kv + 1u) * ${group}u; head++) {
  for (var start = begin; start < end; start += ${BLOCK}u) {
    let at = start - sizes.offset;
${scores(at, "s", "k", "key", "kv", "q", "at", "head")}
${scores(at, "g", "v", "key", "kv", "dout", "at", "head")}
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
            literal(at.scale)
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
${weighted(at, "dv", "factors", "dout", "at", "head")}
    workgroupBarrier();
${
      four.map((i) =>
        `    factors[(ty + ${8 * i}u) * ${SCORES}u + tx] = vec4<f32>(${
          four.map((j) => `p${i}_${j} * (g${i}_${j} - known${j}.z)`).join(", ")
        });`
      ).join("\n")
    }
${weighted(at, "dk", "factors", "q", "at", "head")}
  }
  }
${writeAll(at, "dk", "dk", "key", "kv", () => literal(at.scale))}
${writeAll(at, "dv", "dv", "key", "kv", () => "1f")}`,
  });
}
