/**
 * Log-probabilities of labels and their gradients as compute shaders, by chunks of the vocabulary: `[labels, CHUNK]` exists
 * for one chunk at a time, and the maximum, the sum of exponentials and Σ_v e_v w[v] are carried from chunk to chunk
 * (online softmax), so the product with the vocabulary is done once forward and once for Σ_v e_v w[v].
 * Only the weight's gradient needs the logits again, when the sums are known.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslPart, WgslProgram } from "../../wgsl_program.ts";
import { product } from "./product.ts";
import { workgroupMemory, workgroupReduce } from "./reduce.ts";
import { elementOf, elementsOf, inTurn, shader } from "./shader.ts";
import { cappedWgsl, softTanh, timesCapSlope } from "./soft_cap.ts";

/** Rows of the vocabulary that are handled at once: 8 MiB of logits for 256 labels. */
const CHUNK = 8192;
const THREADS = 256;

/** One of the kernels of the output head. */
export interface LabelSpec {
  label: string;
  labels: number;
  cols: number;
  vocab: number;
  cap: number | null;
  outputs: LabelOutputs;
}

/** Wanted outputs. `unit`: gradient of each log-probability; `weighted`: times `weights[label]`. */
export interface LabelOutputs {
  logp?: boolean;
  /** Beside `logp`: whether the label's logit is the largest. */
  best?: boolean;
  dh?: "unit" | "weighted";
  dw?: boolean;
}

/** Rows of the vocabulary that one round is about, their elements in the weight, and their logits. */
interface Chunk extends LabelSpec {
  first: number;
  count: number;
  weight: WgslPart;
  logits: WgslPart;
}

/** Shaders of the kernels of the output head. */
export function labelLogprobShaders(spec: LabelSpec, limits: WgslLimits): WgslProgram {
  const { label, labels, cols, outputs } = spec;
  const chunks = vocabChunks(spec, limits).map((part): Chunk => ({
    ...spec,
    ...part,
    weight: elementsOf(part, cols),
    logits: { first: 0, count: labels * part.count },
  }));
  const forward = chunks.flatMap((chunk) => [
    logitsOf(chunk, limits),
    { dispatches: [softmaxStep(chunk, limits)] },
    ...(outputs.dh ? [weightMean(chunk, limits)] : []),
  ]);
  const backward = outputs.dw
    ? chunks.flatMap((chunk) => [
      logitsOf(chunk, limits),
      { dispatches: [logitGradient(chunk)] },
      weightGradient(chunk, limits),
    ])
    : [];
  return inTurn([
    {
      temporaries: {
        statistics: 4 * labels,
        logits: Math.max(...chunks.map((chunk) => chunk.logits.count)),
        ...(outputs.dh ? { mean: labels * cols } : {}),
      },
      dispatches: [],
    },
    ...forward,
    { dispatches: outputs.logp ? [logpOf(label, labels, outputs.best ?? false)] : [] },
    { dispatches: chunks.flatMap((chunk) => hiddenGradient(chunk, isHalf(limits))) },
    ...backward,
  ]);
}

/** True if the vocabulary's weight lies in memory as float16. */
function isHalf({ half }: WgslLimits): boolean {
  return half?.has("w") ?? false;
}

/** Rows of the vocabulary: neither they nor their logits larger than a binding, each chunk at an aligned offset. */
function vocabChunks({ labels, cols, vocab }: LabelSpec, limits: WgslLimits): WgslPart[] {
  const half = isHalf(limits), unit = half ? 128 : 64;
  const most = Math.floor(
    Math.min(limits.bindingBytes / 4 / labels, limits.bindingBytes / (half ? 2 : 4) / cols),
  );
  const step = Math.min(CHUNK, vocab <= most ? vocab : Math.floor(most / unit) * unit);
  if (step === 0) {
    throw new RangeError(
      `Cannot bind ${unit} rows of the vocabulary for ${labels} labels of ${cols} columns: ` +
        `a binding of this device holds ${limits.bindingBytes} bytes`,
    );
  }
  const chunks: WgslPart[] = [];
  for (let first = 0; first < vocab; first += step) {
    chunks.push({ first, count: Math.min(step, vocab - first) });
  }
  return chunks;
}

function logitsOf({ label, labels, cols, count, weight, logits }: Chunk, limits: WgslLimits): WgslProgram {
  return product({
    label: `${label}, logits`,
    layout: "nt",
    m: labels,
    n: count,
    k: cols,
    a: "h",
    b: "w",
    y: "logits",
    parts: { b: weight, y: logits },
  }, limits);
}

/** Σ_v e_v w[v] over the vocabulary so far; older sums shrink as the maximum grows. */
function weightMean(
  { label, labels, cols, first, count, weight, logits }: Chunk,
  limits: WgslLimits,
): WgslProgram {
  return product({
    label: `${label}, mean`,
    layout: "nn",
    m: labels,
    n: cols,
    k: count,
    a: "logits",
    b: "w",
    y: "mean",
    parts: { a: logits, b: weight },
    ...(first > 0 ? { keep: { factor: "statistics" } } : {}),
  }, limits);
}

function weightGradient(
  { label, labels, cols, count, weight, logits }: Chunk,
  limits: WgslLimits,
): WgslProgram {
  return product({
    label: `${label}, dw`,
    layout: "tn",
    m: count,
    n: cols,
    k: labels,
    a: "logits",
    b: "h",
    y: "dw",
    parts: { a: logits, y: weight },
  }, limits);
}

/**
 * A label's statistics `(maximum, sum of exponentials, own logit, factor by which older sums shrink)` after one more chunk.
 * For `dh` logits become their exponentials under the new maximum, times their slopes where they are capped.
 */
function softmaxStep(
  { label, labels, first, count, logits, outputs, cap }: Chunk,
  limits: WgslLimits,
): WgslDispatch {
  const replace = outputs.dh !== undefined;
  return shader({
    label: `${label}, softmax`,
    threads: THREADS,
    read: { ids: { element: "i32" }, ...(replace ? {} : { logits: { part: logits } }) },
    write: { statistics: { element: "vec4<f32>" }, ...(replace ? { logits: { part: logits } } : {}) },
    sizes: { first, count },
    workgroups: labels,
    subgroups: limits.subgroups,
    declarations: workgroupMemory(["top", "sum"], THREADS, limits) + capOfLogits(cap),
    body: `  let start = workgroup * sizes.count;
  var before = vec4<f32>(-3.4e38f, 0f, 0f, 0f);
  if (sizes.first > 0u) { before = statistics[workgroup]; }
  var top = before.x;
  for (var v = lane; v < sizes.count; v += ${THREADS}u) { top = max(top, ${
      capped("logits[start + v]", cap)
    }); }
  let own = u32(ids[workgroup]) - sizes.first;
  if (own < sizes.count) { before.z = ${capped("logits[start + own]", cap)}; }
${workgroupReduce("top", THREADS, limits, "max")}
  var sum = 0f;
  for (var v = lane; v < sizes.count; v += ${THREADS}u) {
    ${cap === null ? "" : `let z = ${capped("logits[start + v]", cap)}; `}let e = exp(${
      cap === null ? "logits[start + v]" : "z"
    } - top);
    sum += e;
    ${replace ? `logits[start + v] = e${timesCapSlope("z", cap)};` : ""}
  }
${workgroupReduce("sum", THREADS, limits)}
  let fade = exp(before.x - top);
  if (lane == 0u) { statistics[workgroup] = vec4<f32>(top, before.y * fade + sum, before.z, fade); }`,
  });
}

function logpOf(label: string, labels: number, best: boolean): WgslDispatch {
  return shader({
    label: `${label}, logp`,
    threads: 64,
    read: { statistics: { element: "vec4<f32>" } },
    write: { logp: {}, ...(best ? { best: {} } : {}) },
    sizes: { labels },
    workgroups: Math.ceil(labels / 64),
    body: `  let l = workgroup * 64u + lane;
  if (l >= sizes.labels) { return; }
  let s = statistics[l];
  logp[l] = (s.z - s.x) - log(s.y);${best ? "\n  best[l] = f32(s.z >= s.x);" : ""}`,
  });
}

/** `dh[l] = w[ids[l]] − mean[l] / sum`, times the label's weight; labels whose row lies in another part are left alone. */
function hiddenGradient(
  { label, labels, cols, first, count, weight, outputs, cap }: Chunk,
  half: boolean,
): WgslDispatch[] {
  if (!outputs.dh) return [];
  const weighted = outputs.dh === "weighted";
  return [
    shader({
      label: `${label}, dh`,
      threads: THREADS,
      read: {
        w: { element: elementOf(1, half), part: weight },
        ids: { element: "i32" },
        statistics: { element: "vec4<f32>" },
        mean: {},
        ...(weighted ? { weights: {} } : {}),
      },
      write: { dh: {} },
      sizes: { count: labels * cols, first, rows: count },
      workgroups: Math.ceil(labels * cols / THREADS),
      body: `  let i = workgroup * ${THREADS}u + lane;
  if (i >= sizes.count) { return; }
  let l = i / ${cols}u;
  let row = u32(ids[l]) - sizes.first;
  if (row >= sizes.rows) { return; }
  dh[i] = ${weighted ? "weights[l] * " : ""}(f32(w[row * ${cols}u + i % ${cols}u])${
        timesCapSlope("statistics[l].z", cap)
      } - mean[i] / statistics[l].y);`,
    }),
  ];
}

/** Logits become `weights[l] (1[v = ids[l]] − p)`, times their slopes where they are capped. */
function logitGradient({ label, labels, first, count, logits, cap }: Chunk): WgslDispatch {
  return shader({
    label: `${label}, dz`,
    threads: THREADS,
    read: { ids: { element: "i32" }, weights: {}, statistics: { element: "vec4<f32>" } },
    write: { logits: { part: logits } },
    sizes: { total: labels * count, count, first },
    workgroups: Math.ceil(labels * count / THREADS),
    declarations: capOfLogits(cap),
    body: `  let i = workgroup * ${THREADS}u + lane;
  if (i >= sizes.total) { return; }
  let l = i / sizes.count; let s = statistics[l];
  let own = f32(sizes.first + i % sizes.count == u32(ids[l]));
  ${
      cap === null ? "" : `let z = ${capped("logits[i]", cap)};
  `
    }logits[i] = weights[l] * (own - exp(${cap === null ? "logits[i]" : "z"} - s.x) / s.y)${
      timesCapSlope("z", cap)
    };`,
  });
}

/** WGSL: the function that {@linkcode capped} calls. */
function capOfLogits(cap: number | null): string {
  return cap === null ? "" : `\n${softTanh("f32")}`;
}

/** WGSL: a logit as it is capped. */
function capped(logit: string, cap: number | null): string {
  return cap === null ? logit : cappedWgsl(logit, cap);
}
