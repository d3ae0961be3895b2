/**
 * Attention with a cache as compute shaders: a workgroup owns one query of one head and walks over its keys in blocks of
 * 64, one key per invocation for the scores, one column per invocation for the result (online softmax, as FlashAttention).
 * A few queries before many keys would leave a device idle: then several workgroups share the keys, and a second dispatch
 * joins their maxima, sums and results (Flash-Decoding, Dao et al. 2023).
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { WANTED_WORKGROUPS } from "./attention_shares.ts";
import { workgroupMemory, workgroupReduce } from "./reduce.ts";
import { elementOf, literal, shader, widthOf } from "./shader.ts";

const BLOCK = 64;
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

/** The kernel's dispatches. */
export function cachedAttentionShaders(shape: CachedAttentionShape, limits: WgslLimits): WgslProgram {
  const { rows, qcols, slots, past, fresh, kvcols, heads, kvHeads, scale, window } = shape;
  const d = qcols / heads;
  const keys = past + fresh / slots, results = rows * heads;
  const most = Math.min(Math.floor(keys / BLOCK), MOST_PARTS);
  const wanted = Math.max(1, Math.min(most, Math.ceil(WANTED_WORKGROUPS / results)));
  const span = Math.ceil(keys / wanted / BLOCK) * BLOCK, parts = Math.ceil(keys / span), joined = parts > 1;
  const columns = Array.from({ length: Math.ceil(d / BLOCK) }, (_, i) => i);
  const width = Math.min(widthOf(d), widthOf(qcols), widthOf(kvcols)) as 1 | 4;
  const element = elementOf(width), wide = d / width;
  const product = (keys: string) =>
    `for (var c = 0u; c < ${wide}u; c++) { dot = fma(query[c], ${keys}[start / ${width}u + c], dot); }`;
  const attend = shader({
    label: "cached_attention",
    threads: BLOCK,
    subgroups: limits.subgroups,
    read: {
      q: { element },
      past_k: { element },
      past_v: {},
      k: { element },
      v: {},
      all_places: { element: "i32" },
    },
    write: joined ? { partial: {} } : { o: {} },
    sizes: {
      rows,
      queries: rows / slots,
      kept: slots * past,
      past,
      fresh: fresh / slots,
      parts,
      span,
    },
    workgroups: results * parts,
    declarations: `var<workgroup> query: array<${element}, ${wide}>;
${
      limits.subgroups
        ? workgroupMemory(["block_most"], BLOCK, limits)
        : `var<workgroup> scores: array<f32, ${BLOCK}>;`
    }
var<workgroup> starts: array<u32, ${BLOCK}>;
var<workgroup> weights: array<f32, ${BLOCK}>;`,
    body: `  let part = workgroup % sizes.parts; let own = workgroup / sizes.parts;
  let row = own / ${heads}u; let h = own % ${heads}u; let kv = h / ${heads / kvHeads}u;
  let slot = row / sizes.queries; let place = all_places[row];
  let count = min(sizes.past + sizes.fresh, (part + 1u) * sizes.span);
  for (var c = lane; c < ${wide}u; c += ${BLOCK}u) { query[c] = q[(row * ${qcols}u + h * ${d}u) / ${width}u + c]; }
  workgroupBarrier();
  var most = -1e30f; var sum = 0f;
${columns.map((i) => `  var o${i} = 0f;`).join("\n")}
  for (var first = part * sizes.span; first < count; first += ${BLOCK}u) {
    let j = first + lane;
    var score = -1e30f; var start = 0u; var seen = false;
    if (j < count) {
      var key_place: i32;
      if (j < sizes.past) {
        key_place = all_places[sizes.rows + slot * sizes.past + j];
        start = ((slot * ${kvHeads}u + kv) * sizes.past + j) * ${d}u;
      } else {
        let f = slot * sizes.fresh + j - sizes.past;
        key_place = all_places[sizes.rows + sizes.kept + f];
        start = f * ${kvcols}u + kv * ${d}u;
      }
      seen = key_place <= place${window === null ? "" : ` && place - key_place < ${window}i`};
      if (seen) {
        var dot = ${element}();
        if (j < sizes.past) { ${product("past_k")} } else { ${product("k")} }
        score = ${width === 4 ? "(dot.x + dot.y + dot.z + dot.w)" : "dot"} * ${literal(scale)};
      }
    }
    starts[lane] = start;
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
    for (var i = 0u; i < min(${BLOCK}u, count - first); i++) {
      let p = weights[i];
      sum += p;
      if (p > 0f) {
        let values_start = starts[i];
        if (first + i < sizes.past) {
${columns.map((i) => `          ${add("past_v", i, d)}`).join("\n")}
        } else {
${columns.map((i) => `          ${add("v", i, d)}`).join("\n")}
        }
      }
    }
    workgroupBarrier();
  }
${
      joined
        ? `  let to = workgroup * ${d + 2}u;
${columns.map((i) => `  ${guard(i, d)}{ partial[to + ${laneColumn(i)}] = o${i}; }`).join("\n")}
  if (lane == 0u) { partial[to + ${d}u] = most; partial[to + ${d + 1}u] = sum; }`
        : columns.map((i) => `  ${store(i, d, qcols)}`).join("\n")
    }`,
  });
  const places = placesDispatch(shape), all_places = rows + slots * past + fresh;
  if (!joined) return { temporaries: { all_places }, dispatches: [places, attend] };
  return {
    temporaries: { all_places, partial: results * parts * (d + 2) },
    dispatches: [places, attend, joinDispatch({ results, parts, d })],
  };
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
