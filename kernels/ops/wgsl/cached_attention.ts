/**
 * Attention with a cache as compute shaders: a workgroup owns one query of one head and walks over its keys in blocks of
 * 64 (online softmax, as FlashAttention): several invocations read a key's row side by side for the scores, each has a column of the result.
 * Without fresh rows places are read where they are, with them from one list that a dispatch before makes.
 * A few queries before many keys would leave a device idle: then several workgroups share the keys, and a second dispatch
 * joins their maxima, sums and results (Flash-Decoding, Dao et al. 2023).
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { WANTED_WORKGROUPS } from "./attention_shares.ts";
import { workgroupMemory, workgroupReduce } from "./reduce.ts";
import { elementOf, literal, shader, widthOf } from "./shader.ts";
import { cappedWgsl, softTanh } from "./soft_cap.ts";

const BLOCK = 64;
/** Most invocations that read a key's row side by side: 256 bytes of vec4. */
const MOST_READERS = 16;
/** Start of a key's row where the query doesn't see it. */
const UNSEEN = "0xffffffffu";
/** Most workgroups that share a query's keys: the dispatch that joins them goes through their parts one by one. */
const MOST_PARTS = 32;

/** Sizes and attributes of an attention with a cache. */
export interface CachedAttentionShape {
  /** Queries, of all slots. */
  rows: number;
  qcols: number;
  slots: number;
  /** Rows of the past of a slot. */
  past: number;
  /** Fresh rows, of all slots. */
  fresh: number;
  kvcols: number;
  heads: number;
  kvHeads: number;
  scale: number;
  window: number | null;
  cap: number | null;
}

/** All places in one binding, since a shader may bind only eight buffers everywhere: of queries, past and fresh rows. */
function placesDispatch({ rows, slots, past, fresh }: CachedAttentionShape): WgslDispatch {
  const count = rows + slots * past + fresh;
  return shader({
    label: "cached_attention, places",
    threads: BLOCK,
    read: {
      query_places: { of: "places", element: "i32" },
      past_places: { element: "i32" },
      fresh_places: { element: "i32" },
    },
    write: { all_places: { element: "i32" } },
    sizes: { rows, kept: slots * past, count },
    workgroups: Math.ceil(count / BLOCK),
    body: `  let i = workgroup * ${BLOCK}u + lane;
  if (i >= sizes.count) { return; }
  if (i < sizes.rows) { all_places[i] = query_places[i]; }
  else if (i < sizes.rows + sizes.kept) { all_places[i] = past_places[i - sizes.rows]; }
  else { all_places[i] = fresh_places[i - sizes.rows - sizes.kept]; }`,
  });
}

/** How an attention's work is laid out. */
interface Layout {
  /** Columns of a head. */
  d: number;
  /** Workgroups that share a query's keys, and the most keys of one. */
  parts: number;
  span: number;
  /** Of the elements in which rows are read. */
  width: 1 | 4;
  /** Invocations that share a key's row for its score, a power of two. */
  readers: number;
  /** Columns of the result of an invocation, in steps of {@linkcode BLOCK}. */
  columns: number[];
}

function layoutOf({ rows, qcols, slots, past, fresh, kvcols, heads }: CachedAttentionShape): Layout {
  const d = qcols / heads, keys = past + fresh / slots;
  const most = Math.min(Math.floor(keys / BLOCK), MOST_PARTS);
  const wanted = Math.max(1, Math.min(most, Math.ceil(WANTED_WORKGROUPS / (rows * heads))));
  const span = Math.ceil(keys / wanted / BLOCK) * BLOCK;
  const width = Math.min(widthOf(d), widthOf(qcols), widthOf(kvcols)) as 1 | 4;
  return {
    d,
    parts: Math.ceil(keys / span),
    span,
    width,
    readers: Math.min(MOST_READERS, 2 ** Math.floor(Math.log2(d / width))),
    columns: Array.from({ length: Math.ceil(d / BLOCK) }, (_, i) => i),
  };
}

/** The kernel's dispatches. */
export function cachedAttentionShaders(shape: CachedAttentionShape, limits: WgslLimits): WgslProgram {
  const layout = layoutOf(shape), { d, parts } = layout, results = shape.rows * shape.heads;
  const apart = shape.fresh > 0, all_places = shape.rows + shape.slots * shape.past + shape.fresh;
  return {
    temporaries: {
      ...(apart && { all_places }),
      ...(parts > 1 && { partial: results * parts * (d + 2) }),
    },
    dispatches: [
      ...(apart ? [placesDispatch(shape)] : []),
      attendDispatch(shape, layout, limits),
      ...(parts > 1 ? [joinDispatch({ results, parts, d })] : []),
    ],
  };
}

function attendDispatch(shape: CachedAttentionShape, layout: Layout, limits: WgslLimits): WgslDispatch {
  const { rows, slots, past, fresh, heads } = shape, { d, parts, span, width, readers } = layout;
  const element = elementOf(width);
  return shader({
    label: "cached_attention",
    threads: BLOCK,
    subgroups: limits.subgroups,
    read: {
      q: { element },
      past_k: { element },
      past_v: {},
      ...(fresh > 0
        ? { k: { element }, v: {}, all_places: { element: "i32" } }
        : { query_places: { of: "places", element: "i32" }, past_places: { element: "i32" } }),
    },
    write: parts > 1 ? { partial: {} } : { o: {} },
    sizes: {
      rows,
      queries: rows / slots,
      kept: slots * past,
      past,
      fresh: fresh / slots,
      parts,
      span,
    },
    workgroups: rows * heads * parts,
    declarations: `${
      shape.cap === null ? "" : `${softTanh("f32")}\n`
    }var<workgroup> query: array<${element}, ${d / width}>;
${
      limits.subgroups
        ? workgroupMemory(["block_most"], BLOCK, limits)
        : `var<workgroup> scores: array<f32, ${BLOCK}>;`
    }
var<workgroup> starts: array<u32, ${BLOCK}>;
var<workgroup> products: array<f32, ${BLOCK * (readers + 1)}>;
var<workgroup> weights: array<f32, ${BLOCK}>;`,
    body: attendBody(shape, layout, limits),
  });
}

/** The walk over a query's keys, block after block, with the largest score so far and the sums that count from it. */
function attendBody(shape: CachedAttentionShape, layout: Layout, limits: WgslLimits): string {
  const { qcols, heads, kvHeads, fresh } = shape, { d, width, columns } = layout;
  return `  let part = workgroup % sizes.parts; let own = workgroup / sizes.parts;
  let row = own / ${heads}u; let h = own % ${heads}u; let kv = h / ${heads / kvHeads}u;
  let slot = row / sizes.queries; let place = ${fresh > 0 ? "all_places" : "query_places"}[row];
  let count = min(sizes.past + sizes.fresh, (part + 1u) * sizes.span);
  for (var c = lane; c < ${
    d / width
  }u; c += ${BLOCK}u) { query[c] = q[(row * ${qcols}u + h * ${d}u) / ${width}u + c]; }
  workgroupBarrier();
  var most = -1e30f; var sum = 0f;
${columns.map((i) => `  var o${i} = 0f;`).join("\n")}
  for (var first = part * sizes.span; first < count; first += ${BLOCK}u) {
${blockScore(shape, layout)}
    var block_most = max(most, score);
${
    limits.subgroups ? workgroupReduce("block_most", BLOCK, limits, "max") : `    scores[lane] = score;
    workgroupBarrier();
    for (var i = 0u; i < ${BLOCK}u; i++) { block_most = max(block_most, scores[i]); }`
  }
    weights[lane] = select(0f, exp(score - block_most), seen);
    workgroupBarrier();
    let shrink = exp(most - block_most);
    most = block_most;
    sum *= shrink;
${columns.map((i) => `    o${i} *= shrink;`).join("\n")}
${blockValues(shape, layout)}
    workgroupBarrier();
  }
${writeResult(qcols, layout)}`;
}

/**
 * Score of the invocation's key of the block, where the query sees it, and where the keys' rows start. Rows are read by neighbours side by side, some rows
 * at a time: one row for each invocation would be as many places of memory at once as it has neighbours.
 */
function blockScore(
  { kvcols, kvHeads, scale, window, fresh, cap }: CachedAttentionShape,
  { d, width, readers }: Layout,
): string {
  const chunks = d / width;
  const product = (keys: string) =>
    `for (var c = lane % ${readers}u; c < ${chunks}u; c += ${readers}u) { dot = fma(query[c], ${keys}[row_start / ${width}u + c], dot); }`;
  return `    var start = ${UNSEEN};
    if (first + lane < count) {
      let j = first + lane; var key_place: i32;
${
    inParts(
      fresh,
      `        key_place = ${
        fresh > 0 ? "all_places[sizes.rows + slot * sizes.past + j]" : "past_places[slot * sizes.past + j]"
      };
        start = ((slot * ${kvHeads}u + kv) * sizes.past + j) * ${d}u;`,
      `        let f = slot * sizes.fresh + j - sizes.past;
        key_place = all_places[sizes.rows + sizes.kept + f];
        start = f * ${kvcols}u + kv * ${d}u;`,
    )
  }
      let seen = key_place <= place${window === null ? "" : ` && place - key_place < ${window}i`};
      start = select(${UNSEEN}, start, seen);
    }
    starts[lane] = start;
    workgroupBarrier();
    for (var i = lane / ${readers}u; i < ${BLOCK}u; i += ${BLOCK / readers}u) {
      let row_start = starts[i]; let j = first + i;
      var dot = ${elementOf(width)}();
      if (row_start != ${UNSEEN}) {
${inParts(fresh, `        ${product("past_k")}`, `        ${product("k")}`)}
      }
      products[i * ${readers + 1}u + lane % ${readers}u] = ${
    width === 4 ? "dot.x + dot.y + dot.z + dot.w" : "dot"
  };
    }
    workgroupBarrier();
    let seen = start != ${UNSEEN};
    var score = -1e30f;
    if (seen) {
      score = 0f;
      for (var c = 0u; c < ${readers}u; c++) { score += products[lane * ${readers + 1}u + c]; }
      score *= ${literal(scale)};${cap === null ? "" : ` score = ${cappedWgsl("score", cap)};`}
    }`;
}

/** What is done for key `j` of the past, or else of the fresh rows, where there are any. */
function inParts(fresh: number, past: string, other: string): string {
  return fresh > 0 ? `      if (j < sizes.past) {\n${past}\n      } else {\n${other}\n      }` : past;
}

/** Adds the block's values, each by its weight. */
function blockValues({ fresh }: CachedAttentionShape, { d, columns }: Layout): string {
  const added = (values: string) => columns.map((i) => `          ${add(values, i, d)}`).join("\n");
  return `    for (var i = 0u; i < min(${BLOCK}u, count - first); i++) {
      let p = weights[i];
      sum += p;
      if (p > 0f) {
        let values_start = starts[i]; let j = first + i;
${inParts(fresh, added("past_v"), added("v"))}
      }
    }`;
}

/** Stores the result, or what the workgroups that share a query are joined by. */
function writeResult(qcols: number, { d, parts, columns }: Layout): string {
  if (parts === 1) return columns.map((i) => `  ${store(i, d, qcols)}`).join("\n");
  return `  let to = workgroup * ${d + 2}u;
${columns.map((i) => `  ${guard(i, d)}{ partial[to + ${laneColumn(i)}] = o${i}; }`).join("\n")}
  if (lane == 0u) { partial[to + ${d}u] = most; partial[to + ${d + 1}u] = sum; }`;
}

/** `o` `[results, d]` from the parts: each result counts e^(its maximum − the largest). */
function joinDispatch(
  { results, parts, d }: { results: number; parts: number; d: number },
): WgslDispatch {
  return shader({
    label: "cached_attention, join",
    threads: BLOCK,
    read: { partial: {} },
    write: { o: {} },
    sizes: { parts },
    workgroups: results,
    body: `  let start = workgroup * sizes.parts * ${d + 2}u;
  var most = -1e30f;
  for (var p = 0u; p < sizes.parts; p++) { most = max(most, partial[start + p * ${d + 2}u + ${d}u]); }
  for (var c = lane; c < ${d}u; c += ${BLOCK}u) {
    var value = 0f; var sum = 0f;
    for (var p = 0u; p < sizes.parts; p++) {
      let row = start + p * ${d + 2}u;
      let fade = exp(partial[row + ${d}u] - most);
      value += fade * partial[row + c];
      sum += fade * partial[row + ${d + 1}u];
    }
    o[workgroup * ${d}u + c] = value / sum;
  }`,
  });
}

function laneColumn(column: number): string {
  return column === 0 ? "lane" : `lane + ${column * BLOCK}u`;
}

function guard(column: number, d: number): string {
  return (column + 1) * BLOCK <= d ? "" : `if (${laneColumn(column)} < ${d}u) `;
}

function add(values: string, column: number, d: number): string {
  const term = `o${column} += p * ${values}[values_start + ${laneColumn(column)}];`;
  const condition = guard(column, d);
  return condition === "" ? term : `${condition}{ ${term} }`;
}

function store(column: number, d: number, qcols: number): string {
  const line = `o[row * ${qcols}u + h * ${d}u + ${laneColumn(column)}] = o${column} / sum;`;
  const condition = guard(column, d);
  return condition === "" ? line : `${condition}{ ${line} }`;
}
