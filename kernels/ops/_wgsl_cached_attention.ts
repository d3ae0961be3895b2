/**
 * Attention with a cache as compute shaders: a workgroup owns one query of one head and walks over its keys in blocks of
 * 64, a key an invocation for the scores, a column an invocation for the result (online softmax, as FlashAttention).
 * A few queries before many keys would leave a device idle: then several workgroups share the keys, and a second dispatch
 * joins their maxima, sums and results (Flash-Decoding, Dao et al. 2023).
 * @module
 */
import type { Dims, WgslProgram } from "../kernel.ts";
import { literal, shader } from "./_wgsl.ts";

const BLOCK = 64;
/** Least keys of a workgroup, and workgroups from which the keys are left together. */
const LEAST_KEYS = 128, MANY_GROUPS = 256;

/** All places in one binding: a shader may bind only eight buffers everywhere. Order: queries, past, fresh. */
function placesDispatch({ rows, slots, past, fresh }: Dims) {
  const count = rows! + slots! * past! + fresh!;
  return shader({
    label: "cached_attention, places",
    threads: BLOCK,
    read: { at: { element: "i32" }, past_at: { element: "i32" }, fresh_at: { element: "i32" } },
    write: { places: { element: "i32" } },
    sizes: { rows: rows!, kept: slots! * past!, count },
    groups: Math.ceil(count / BLOCK),
    body: `  let i = group * ${BLOCK}u + lane;
  if (i >= sizes.count) { return; }
  if (i < sizes.rows) { places[i] = at[i]; }
  else if (i < sizes.rows + sizes.kept) { places[i] = past_at[i - sizes.rows]; }
  else { places[i] = fresh_at[i - sizes.rows - sizes.kept]; }`,
  });
}

/** The kernel's dispatches. */
export function cachedAttentionShaders(
  dims: Dims,
  { heads, kvHeads, scale, window }: {
    heads: number;
    kvHeads: number;
    scale: number;
    window: number | null;
  },
): WgslProgram {
  const { rows, qcols, slots, past, fresh, kvcols } = dims, d = qcols! / heads;
  const keys = past! + fresh! / slots!, groups = rows! * heads;
  const wanted = Math.max(1, Math.min(Math.floor(keys / LEAST_KEYS), Math.ceil(MANY_GROUPS / groups)));
  const span = Math.ceil(keys / wanted / BLOCK) * BLOCK, parts = Math.ceil(keys / span), joined = parts > 1;
  const columns = Array.from({ length: Math.ceil(d / BLOCK) }, (_, i) => i);
  const attend = shader({
    label: "cached_attention",
    threads: BLOCK,
    read: { q: {}, past_k: {}, past_v: {}, k: {}, v: {}, places: { element: "i32" } },
    write: joined ? { partial: {} } : { o: {} },
    sizes: {
      rows: rows!,
      queries: rows! / slots!,
      kept: slots! * past!,
      past: past!,
      fresh: fresh! / slots!,
      parts,
      span,
    },
    groups: groups * parts,
    declarations: `var<workgroup> query: array<f32, ${d}>;
var<workgroup> scores: array<f32, ${BLOCK}>;
var<workgroup> starts: array<u32, ${BLOCK}>;
var<workgroup> weights: array<f32, ${BLOCK}>;`,
    body: `  let part = group % sizes.parts; let own = group / sizes.parts;
  let row = own / ${heads}u; let h = own % ${heads}u; let kv = h / ${heads / kvHeads}u;
  let slot = row / sizes.queries; let place = places[row];
  let count = min(sizes.past + sizes.fresh, (part + 1u) * sizes.span);
  for (var c = lane; c < ${d}u; c += ${BLOCK}u) { query[c] = q[row * ${qcols}u + h * ${d}u + c]; }
  workgroupBarrier();
  var most = -1e30f; var sum = 0f;
${columns.map((i) => `  var o${i} = 0f;`).join("\n")}
  for (var first = part * sizes.span; first < count; first += ${BLOCK}u) {
    let j = first + lane;
    var score = -1e30f; var start = 0u; var seen = false;
    if (j < count) {
      var key_place: i32;
      if (j < sizes.past) {
        key_place = places[sizes.rows + slot * sizes.past + j];
        start = ((slot * ${kvHeads}u + kv) * sizes.past + j) * ${d}u;
      } else {
        let f = slot * sizes.fresh + j - sizes.past;
        key_place = places[sizes.rows + sizes.kept + f];
        start = f * ${kvcols}u + kv * ${d}u;
      }
      seen = key_place <= place${window === null ? "" : ` && place - key_place < ${window}i`};
      if (seen) {
        var dot = 0f;
        if (j < sizes.past) {
          for (var c = 0u; c < ${d}u; c++) { dot += query[c] * past_k[start + c]; }
        } else {
          for (var c = 0u; c < ${d}u; c++) { dot += query[c] * k[start + c]; }
        }
        score = dot * ${literal(scale)};
      }
    }
    scores[lane] = score;
    starts[lane] = start;
    workgroupBarrier();
    var block_most = most;
    for (var i = 0u; i < ${BLOCK}u; i++) { block_most = max(block_most, scores[i]); }
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
        let at = starts[i];
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
        ? `  let to = group * ${d + 2}u;
${columns.map((i) => `  ${guard(i, d)}{ partial[to + ${at(i)}] = o${i}; }`).join("\n")}
  if (lane == 0u) { partial[to + ${d}u] = most; partial[to + ${d + 1}u] = sum; }`
        : columns.map((i) => `  ${store(i, d, qcols!)}`).join("\n")
    }`,
  });
  const places = rows! + slots! * past! + fresh!;
  if (!joined) return { temporaries: { places }, dispatches: [placesDispatch(dims), attend] };
  return {
    temporaries: { places, partial: groups * parts * (d + 2) },
    dispatches: [placesDispatch(dims), attend, joinDispatch(groups, parts, d)],
  };
}

/** `o` `[groups, d]` from the parts: each result counts e^(its maximum − the largest). */
function joinDispatch(groups: number, parts: number, d: number) {
  return shader({
    label: "cached_attention, join",
    threads: BLOCK,
    read: { partial: {} },
    write: { o: {} },
    sizes: { parts },
    groups,
    body: `  let start = group * sizes.parts * ${d + 2}u;
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
    o[group * ${d}u + c] = value / sum;
  }`,
  });
}

function at(column: number): string {
  return column === 0 ? "lane" : `lane + ${column * BLOCK}u`;
}

function guard(column: number, d: number): string {
  return (column + 1) * BLOCK <= d ? "" : `if (${at(column)} < ${d}u) `;
}

function add(values: string, column: number, d: number): string {
  const term = `o${column} += p * ${values}[at + ${at(column)}];`;
  const condition = guard(column, d);
  return condition === "" ? term : `${condition}{ ${term} }`;
}

function store(column: number, d: number, qcols: number): string {
  const line = `o[row * ${qcols}u + h * ${d}u + ${at(column)}] = o${column} / sum;`;
  const condition = guard(column, d);
  return condition === "" ? line : `${condition}{ ${line} }`;
}
