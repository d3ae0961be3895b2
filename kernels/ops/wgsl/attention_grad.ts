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
  walk,
  weighted,
  writeAll,
  writeShare,
  zeros,
} from "./attention_products.ts";
import {
  type AttentionShape,
  BLOCK,
  boundsDispatch,
  boundsSize,
  keyPlace,
  memory,
  quadsOf,
  type QueryPart,
  queryParts,
  queryPlace,
  rowReader,
  scoreOf,
  SCORES,
  sees,
  THREADS,
  widthFor,
  writeRow,
} from "./attention_tiles.ts";
import {
  joinShares,
  type KeyShares,
  keyShares,
  queryOwner,
  queryRanges,
  queryTemporaries,
  queryWorkgroups,
  sumShares,
} from "./attention_shares.ts";
import { elementOf, literal, shader } from "./shader.ts";
import { timesCapSlope } from "./soft_cap.ts";

/** `dq` (leaving statistics), then `dk` and `dv`. */
export function attentionGradShaders(given: AttentionShape, limits: WgslLimits): WgslProgram {
  const shape = { ...given, subgroups: limits.subgroups };
  const parts = queryParts(shape, limits),
    ranges = parts.length === 1 ? queryRanges(shape, limits) : 1,
    shares = keyShares(shape, limits),
    elements = shares.heads * shares.ranges * shape.rows * shape.kvcols;
  const shared = shares.heads * shares.ranges > 1, own = ranges > 1 ? queryTemporaries(shape, ranges) : null;
  return {
    temporaries: {
      bounds: boundsSize(shape),
      statistics: 4 * shape.heads * shape.rows,
      ...own,
      // The shares of dK stand where those of dQ did.
      ...(shared && { shares: Math.max(elements, own?.shares ?? 0), dv_shares: elements }),
    },
    dispatches: [
      boundsDispatch(shape),
      ...parts.map((part) => queryGradient(shape, part, ranges)),
      ...(own
        ? [joinShares(shape, ranges, {
          label: "attention_grad, join of dq",
          to: "dq",
          factor: shape.scale,
          statistics: true,
        })]
        : []),
      ...parts.map((part) => keyGradient(shape, part, shares)),
      ...(shared
        ? [
          sumShares(shape, shares, { name: "dk", shares: "shares", factor: shape.scale }),
          sumShares(shape, shares, { name: "dv", shares: "dv_shares", factor: 1 }),
        ]
        : []),
    ],
  };
}

function queryGradient(shape: AttentionShape, { part, sizes }: QueryPart, ranges: number): WgslDispatch {
  const element = elementOf(widthFor(shape)), shared = ranges > 1;
  return shader({
    label: "attention_grad, dq",
    threads: THREADS,
    subgroups: shape.subgroups,
    read: {
      q: { element, part },
      k: { element },
      v: { element },
      o: { element, part },
      dout: { of: "do", element, part },
      bounds: { element: "i32" },
    },
    write: shared
      ? { dq: { of: "shares", element }, statistics: { of: "share_statistics", element: "vec4<f32>" } }
      : { dq: { element, part }, statistics: { element: "vec4<f32>" } },
    sizes: { ...sizes, ranges },
    workgroups: queryWorkgroups(sizes, shape, ranges),
    declarations: [
      memory(shape),
      ...["q", "o", "dout"].map((name) => rowReader(shape, name, "query")),
      ...["k", "v"].map((name) => rowReader(shape, name, "key")),
      ...(shared ? ["var<private> share_rows: u32;"] : []),
      writeRow(shape, "dq", "query", { share: shared }),
    ].join("\n"),
    body: `${HEADER}
${queryOwner(shape, shared)}
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
${reduceRows(shape, "delta", "sum")}
${
      walk(shape, {
        scores: scores(shape, { name: "g", a: QUERIES("dout"), b: KEYS("v") }),
        factor: (i, j) => `p${i}_${j} * (g${i}_${j} - delta${i})${timesCapSlope(`c${i}_${j}`, shape.cap)}`,
        shared,
        result: weighted(shape, { acc: "acc", b: KEYS("k") }),
      })
    }
${
      shared
        ? writeShare(shape, { to: "dq", statistics: "statistics", delta: (i) => `delta${i}` })
        : `${
          writeAll(shape, {
            to: QUERIES("dq"),
            acc: "acc",
            factor: (i) => `(${literal(shape.scale)} / l${i})`,
          })
        }
${
          four.map((i) =>
            `  if (tx == 0u && start + ty + ${
              8 * i
            }u < sizes.queries) { statistics[head * sizes.rows + first + ty + ${
              8 * i
            }u] = vec4<f32>(m${i}, 1f / l${i}, delta${i}, 0f); }`
          ).join("\n")
        }`
    }`,
  });
}

function keyGradient(shape: AttentionShape, { part, sizes }: QueryPart, shares: KeyShares): WgslDispatch {
  const element = elementOf(widthFor(shape)), sharing = shape.heads / shape.kvHeads;
  const { heads, ranges } = shares, count = heads * ranges, shared = count > 1;
  const adds = !shared && sizes.offset > 0,
    to = (shares: string) => shared ? { of: shares, element } : { element };
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
    write: { dk: to("shares"), dv: to("dv_shares") },
    sizes,
    workgroups: blocks * shape.kvHeads * count,
    declarations: [
      memory(shape),
      ...["q", "dout"].map((name) => rowReader(shape, name, "query")),
      ...["k", "v"].map((name) => rowReader(shape, name, "key")),
      ...(shared ? ["var<private> share_rows: u32;"] : []),
      ...["dk", "dv"].map((name) => writeRow(shape, name, "key", { adds, share: shared })),
    ].join("\n"),
    body: [
      HEADER,
      keyBlock(shape, shares),
      zeros(shape, "dk"),
      zeros(shape, "dv"),
      `  let first_head = kv * ${sharing}u + share / ${ranges}u * ${own}u;
  for (var head = first_head; head < first_head + ${own}u; head++) {
  for (var start = begin + share % ${ranges}u * ${BLOCK}u; start < end; start += ${BLOCK * ranges}u) {
    let query_start = start - sizes.offset;`,
      scores(shape, { name: "s", a: KEYS("k"), b: seen("q") }),
      scores(shape, { name: "g", a: KEYS("v"), b: seen("dout") }),
      probabilities(shape),
      "    workgroupBarrier();",
      factors((i, j) => `p${i}_${j}`),
      weighted(shape, { acc: "dv", b: seen("dout") }),
      "    workgroupBarrier();",
      factors((i, j) => `p${i}_${j} * (g${i}_${j} - known${j}.z)${timesCapSlope(`c${i}_${j}`, shape.cap)}`),
      weighted(shape, { acc: "dk", b: seen("q") }),
      "  }\n  }",
      writeAll(shape, { to: KEYS("dk"), acc: "dk", factor: () => shared ? "1f" : literal(shape.scale) }),
      writeAll(shape, { to: KEYS("dv"), acc: "dv", factor: () => "1f" }),
    ].join("\n"),
  });
}

/** A workgroup's block of keys, and the queries of this part that see it, from `begin` to `end`. */
function keyBlock(shape: AttentionShape, { heads, ranges }: KeyShares): string {
  const count = heads * ranges;
  return [
    `  let kv = workgroup % ${shape.kvHeads}u; let share = workgroup / ${shape.kvHeads}u % ${count}u;
  let block = workgroup / ${shape.kvHeads * count}u; let key = block * ${BLOCK}u;`,
    count > 1 ? "  share_rows = share * sizes.rows;" : "",
    `  // Rows of the packed row that this part has and this block's keys are seen by; query_start counts from the part's beginning.
  let begin = max(key, sizes.offset);
  let end = min(u32(bounds[2u * sizes.rows + block]), sizes.offset + sizes.queries);`,
    ...four.map((i) => keyPlace(shape, { name: `key${i}`, row: `key + ty + ${8 * i}u` })),
  ].join("\n");
}

/** `p0_0` to `p3_3`: of four keys and four queries, by the queries' statistics `known0` to `known3`. */
function probabilities(shape: AttentionShape): string {
  const queries = four.map((j) =>
    `  ${
      queryPlace(shape, { name: `query${j}`, row: `start + tx + ${8 * j}u` })
    } let known${j} = statistics[head * sizes.rows + min(query${j}, sizes.rows - 1u)];`
  );
  const values = four.flatMap((i) =>
    four.map((j) =>
      `    ${kept(shape, `${i}_${j}`)}let p${i}_${j} = select(0f, exp(min(0f, ${
        shape.cap === null ? scoreOf(shape, `s${i}_${j}`) : `c${i}_${j}`
      } - known${j}.x)) * known${j}.y, ${sees(shape, `query${j}`, `key${i}`)});`
    )
  );
  return [...queries, ...values].join("\n");
}

/** A capped score by a name of its own, `cNAME`, for its slope. */
function kept(shape: AttentionShape, name: string): string {
  return shape.cap === null ? "" : `let c${name} = ${scoreOf(shape, `s${name}`)}; `;
}

/** Puts a factor of each key and query where `weighted()` reads it. */
function factors(factor: (key: number, query: number) => string): string {
  return four.map((i) =>
    `    factors[(ty + ${8 * i}u) * ${SCORES}u + tx] = vec4<f32>(${
      four.map((j) => factor(i, j)).join(", ")
    });`
  ).join("\n");
}
