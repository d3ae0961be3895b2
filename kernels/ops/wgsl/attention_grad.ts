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
import { elementOf, literal, shader, widthOf } from "./shader.ts";

/** `dq` (leaving statistics), then `dk` and `dv`. */
export function attentionGradShaders(shape: AttentionShape, limits: WgslLimits): WgslProgram {
  const parts = queryParts(shape, limits),
    shares = keyShares(shape, limits),
    elements = shape.rows * shape.kvcols;
  const shared = shares.heads * shares.ranges > 1;
  return {
    temporaries: {
      bounds: boundsSize(shape),
      statistics: 4 * shape.heads * shape.rows,
      ...(shared && {
        dk_shares: shares.heads * shares.ranges * elements,
        dv_shares: shares.heads * shares.ranges * elements,
      }),
    },
    dispatches: [
      boundsDispatch(shape),
      ...parts.map((part) => queryGradient(shape, part)),
      ...parts.map((part) => keyGradient(shape, part, shares)),
      ...(shared ? [sumShares(shape, shares, "dk", shape.scale), sumShares(shape, shares, "dv", 1)] : []),
    ],
  };
}

/** Workgroups of dK and dV below which a block of keys is shared out: some for each of the 132 units of an H100. */
const WANTED_WORKGROUPS = 1024;
const MOST_RANGES = 8;

/** Workgroups that share a block of keys of one key head: by its query heads, and by every so manyth block of queries. */
interface KeyShares {
  heads: number;
  ranges: number;
}

/**
 * Shares of dK and dV are summed by dispatches of their own. Query heads are parted first, since they have equal work. Where queries
 * come in parts, shares wouldn't fit a binding: a block then has one workgroup.
 */
function keyShares(
  { rows, kvcols, heads, kvHeads }: AttentionShape,
  { bindingBytes }: WgslLimits,
): KeyShares {
  const blocks = Math.ceil(rows / BLOCK), owners = blocks * kvHeads, sharing = heads / kvHeads;
  const most = Math.floor(bindingBytes / (4 * rows * kvcols * sharing));
  if (owners >= WANTED_WORKGROUPS || most === 0) return { heads: 1, ranges: 1 };
  // The first block of keys is seen by all blocks of queries, the last by one.
  const wanted = Math.ceil(WANTED_WORKGROUPS / (owners * sharing)),
    useful = Math.max(1, Math.floor(blocks / 2));
  // A power of two, so that few shaders are compiled.
  return { heads: sharing, ranges: 2 ** Math.floor(Math.log2(Math.min(wanted, useful, most, MOST_RANGES))) };
}

/** `dk` or `dv` as the sum of its shares, in their order, times a factor. */
function sumShares(
  { rows, kvcols }: AttentionShape,
  { heads, ranges }: KeyShares,
  name: "dk" | "dv",
  factor: number,
): WgslDispatch {
  const width = widthOf(kvcols), element = elementOf(width), count = rows * kvcols / width;
  const value = factor === 1 ? "sum" : `${literal(factor)} * sum`;
  return shader({
    label: `attention_grad, sum of ${name}`,
    threads: THREADS,
    read: { shares: { of: `${name}_shares`, element } },
    write: { [name]: { element } },
    sizes: { count },
    workgroups: Math.ceil(count / THREADS),
    body: `  let i = workgroup * ${THREADS}u + lane;
  if (i >= sizes.count) { return; }
  var sum = shares[i];
  for (var s = 1u; s < ${heads * ranges}u; s++) { sum += shares[s * sizes.count + i]; }
  ${name}[i] = ${value};`,
  });
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

function keyGradient(shape: AttentionShape, { part, sizes }: QueryPart, shares: KeyShares): WgslDispatch {
  const element = elementOf(widthFor(shape)), sharing = shape.heads / shape.kvHeads;
  const { heads, ranges } = shares, count = heads * ranges, shared = count > 1;
  const adds = !shared && sizes.offset > 0,
    to = (name: string) => shared ? { of: `${name}_shares`, element } : { element };
  const blocks = Math.ceil(shape.rows / BLOCK), own = sharing / heads;
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
    write: { dk: to("dk"), dv: to("dv") },
    sizes,
    workgroups: blocks * shape.kvHeads * count,
    declarations: [
      memory(shape),
      visibility(shape),
      ...["q", "dout"].map((name) => rowReader(shape, name, "query")),
      ...["k", "v"].map((name) => rowReader(shape, name, "key")),
      ...(shared ? ["var<private> share_rows: u32;"] : []),
      ...["dk", "dv"].map((name) => writeRow(shape, name, "key", { adds, share: shared })),
    ].join("\n"),
    body: `${HEADER}
  let kv = workgroup % ${shape.kvHeads}u; let share = workgroup / ${shape.kvHeads}u % ${count}u;
  let block = workgroup / ${shape.kvHeads * count}u; let key = block * ${BLOCK}u;
${shared ? "  share_rows = share * sizes.rows;" : ""}
  // Rows of the packed row that this part has and this block's keys are seen by; query_start counts from the part's beginning.
  let begin = max(key, sizes.offset);
  let end = min(u32(bounds[2u * sizes.rows + block]), sizes.offset + sizes.queries);
${zeros(shape, "dk")}
${zeros(shape, "dv")}
  let first_head = kv * ${sharing}u + share / ${ranges}u * ${own}u;
  for (var head = first_head; head < first_head + ${own}u; head++) {
  for (var start = begin + share % ${ranges}u * ${BLOCK}u; start < end; start += ${BLOCK * ranges}u) {
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
${writeAll(shape, { to: KEYS("dk"), acc: "dk", factor: () => shared ? "1f" : literal(shape.scale) })}
${writeAll(shape, { to: KEYS("dv"), acc: "dv", factor: () => "1f" })}`,
  });
}
