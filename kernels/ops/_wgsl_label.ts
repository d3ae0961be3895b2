/**
 * Log-probabilities of labels and their gradients as compute shaders, by chunks of the vocabulary: `[labels, CHUNK]` exists
 * for one chunk at a time, and the maximum, the sum of exponentials and Σ_v e_v w[v] are carried from chunk to chunk
 * (online softmax), so the product with the vocabulary is done once forward and once for Σ_v e_v w[v].
 * Only the weight's gradient needs the logits again, when the sums are known.
 * @module
 */
import type { Dims, WgslBinding, WgslDispatch, WgslLimits, WgslProgram } from "../kernel.ts";
import { elementOf, shader, workgroupReduce } from "./_wgsl.ts";
import { product } from "./_wgsl_product.ts";

/** Rows of the vocabulary that are handled at once: 8 MiB of logits for 256 labels. */
const CHUNK = 8192;
const THREADS = 256;

/** What is wanted. `unit`: gradient of each log-probability; `weighted`: times `weights[label]`. */
export interface LabelOutputs {
  logp?: boolean;
  dh?: "unit" | "weighted";
  dw?: boolean;
}

/** Shaders of the four kernels of the output head. */
export function labelLogprobShaders(
  label: string,
  dims: Dims,
  limits: WgslLimits,
  wanted: LabelOutputs,
): WgslProgram {
  const labels = dims.labels!, cols = dims.cols!, vocab = dims.vocab!;
  const temporaries: Record<string, number> = { statistics: 4 * labels, logits: 0 };
  if (wanted.dh) temporaries.mean = labels * cols;
  const dispatches: WgslDispatch[] = [];
  const add = (
    part: { dispatches: readonly WgslDispatch[]; temporaries: Readonly<Record<string, number>> },
  ) => {
    dispatches.push(...part.dispatches);
    for (const [name, size] of Object.entries(part.temporaries)) {
      temporaries[name] = Math.max(size, temporaries[name] ?? 0);
    }
  };
  const chunks = vocabChunks(labels, cols, vocab, limits);
  temporaries.logits = labels * Math.max(...chunks.map((c) => c.count));
  for (const { first, count } of chunks) {
    const part = { first: first * cols, count: count * cols }, logits = { first: 0, count: labels * count };
    add(logitsOf(label, labels, cols, count, part, logits, limits));
    dispatches.push(softmaxStep(label, labels, first, count, logits, wanted.dh !== undefined));
    if (!wanted.dh) continue;
    add(product({
      label: `${label}, mean`,
      layout: "nn",
      m: labels,
      n: cols,
      k: count,
      a: "logits",
      b: "w",
      y: "mean",
      parts: { a: logits, b: part },
      ...(first > 0 ? { keep: { factor: "statistics" } } : {}),
    }, limits));
  }
  if (wanted.logp) dispatches.push(logpOf(label, labels));
  if (wanted.dh) dispatches.push(...hiddenGradient(label, labels, cols, chunks, wanted.dh, isHalf(limits)));
  for (const { first, count } of wanted.dw ? chunks : []) {
    const part = { first: first * cols, count: count * cols }, logits = { first: 0, count: labels * count };
    add(logitsOf(label, labels, cols, count, part, logits, limits));
    dispatches.push(logitGradient(label, labels, first, count, logits));
    add(product({
      label: `${label}, dw`,
      layout: "tn",
      m: count,
      n: cols,
      k: labels,
      a: "logits",
      b: "h",
      y: "dw",
      parts: { a: logits, y: part },
    }, limits));
  }
  return { temporaries, dispatches };
}

type Part = NonNullable<WgslBinding["part"]>;

/** Whether the vocabulary's weight lies in memory as float16. */
function isHalf({ half }: WgslLimits): boolean {
  return half?.has("w") ?? false;
}

/** Rows of the vocabulary: neither they nor their logits larger than a binding, each chunk at an aligned offset. */
function vocabChunks(labels: number, cols: number, vocab: number, limits: WgslLimits): Part[] {
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
  const chunks: Part[] = [];
  for (let first = 0; first < vocab; first += step) {
    chunks.push({ first, count: Math.min(step, vocab - first) });
  }
  return chunks;
}

function logitsOf(
  label: string,
  labels: number,
  cols: number,
  count: number,
  part: Part,
  logits: Part,
  limits: WgslLimits,
) {
  return product({
    label: `${label}, logits`,
    layout: "nt",
    m: labels,
    n: count,
    k: cols,
    a: "h",
    b: "w",
    y: "logits",
    parts: { b: part, y: logits },
  }, limits);
}

/**
 * A label's statistics `(maximum, sum of exponentials, own logit, factor by which older sums shrink)` after one more chunk.
 * `replace`: logits become their exponentials under the new maximum.
 */
function softmaxStep(
  label: string,
  labels: number,
  first: number,
  count: number,
  logits: Part,
  replace: boolean,
): WgslDispatch {
  return shader({
    label: `${label}, softmax`,
    threads: THREADS,
    read: { ids: { element: "i32" }, ...(replace ? {} : { logits: { part: logits } }) },
    write: { statistics: { element: "vec4<f32>" }, ...(replace ? { logits: { part: logits } } : {}) },
    sizes: { first, count },
    groups: labels,
    declarations: `var<workgroup> shared_top: array<f32, ${THREADS}>;
var<workgroup> shared_sum: array<f32, ${THREADS}>;`,
    body: `  let start = group * sizes.count;
  var before = vec4<f32>(-3.4e38f, 0f, 0f, 0f);
  if (sizes.first > 0u) { before = statistics[group]; }
  var top = before.x;
  for (var v = lane; v < sizes.count; v += ${THREADS}u) { top = max(top, logits[start + v]); }
  let own = u32(ids[group]) - sizes.first;
  if (own < sizes.count) { before.z = logits[start + own]; }
${workgroupReduce("top", THREADS, (a, b) => `max(${a}, ${b})`)}
  var sum = 0f;
  for (var v = lane; v < sizes.count; v += ${THREADS}u) {
    let e = exp(logits[start + v] - top);
    sum += e;
    ${replace ? "logits[start + v] = e;" : ""}
  }
${workgroupReduce("sum", THREADS)}
  let fade = exp(before.x - top);
  if (lane == 0u) { statistics[group] = vec4<f32>(top, before.y * fade + sum, before.z, fade); }`,
  });
}

function logpOf(label: string, labels: number): WgslDispatch {
  return shader({
    label: `${label}, logp`,
    threads: 64,
    read: { statistics: { element: "vec4<f32>" } },
    write: { logp: {} },
    sizes: { labels },
    groups: Math.ceil(labels / 64),
    body: `  let l = group * 64u + lane;
  if (l >= sizes.labels) { return; }
  let s = statistics[l];
  logp[l] = (s.z - s.x) - log(s.y);`,
  });
}

/** `dh[l] = w[ids[l]] − mean[l] / sum`, times the label's weight; labels whose row lies in another part are left alone. */
function hiddenGradient(
  label: string,
  labels: number,
  cols: number,
  chunks: readonly Part[],
  kind: "unit" | "weighted",
  half: boolean,
): WgslDispatch[] {
  return chunks.map(({ first, count }) =>
    shader({
      label: `${label}, dh`,
      threads: THREADS,
      read: {
        w: { element: elementOf(1, half), part: { first: first * cols, count: count * cols } },
        ids: { element: "i32" },
        statistics: { element: "vec4<f32>" },
        mean: {},
        ...(kind === "weighted" ? { weights: {} } : {}),
      },
      write: { dh: {} },
      sizes: { count: labels * cols, first, rows: count },
      groups: Math.ceil(labels * cols / THREADS),
      body: `  let i = group * ${THREADS}u + lane;
  if (i >= sizes.count) { return; }
  let l = i / ${cols}u;
  let row = u32(ids[l]) - sizes.first;
  if (row >= sizes.rows) { return; }
  dh[i] = ${
        kind === "weighted" ? "weights[l] * " : ""
      }(f32(w[row * ${cols}u + i % ${cols}u]) - mean[i] / statistics[l].y);`,
    })
  );
}

/** Logits become `weights[l] (1[v = ids[l]] − p)`. */
function logitGradient(
  label: string,
  labels: number,
  first: number,
  count: number,
  logits: Part,
): WgslDispatch {
  return shader({
    label: `${label}, dz`,
    threads: THREADS,
    read: { ids: { element: "i32" }, weights: {}, statistics: { element: "vec4<f32>" } },
    write: { logits: { part: logits } },
    sizes: { total: labels * count, count, first },
    groups: Math.ceil(labels * count / THREADS),
    body: `  let i = group * ${THREADS}u + lane;
  if (i >= sizes.total) { return; }
  let l = i / sizes.count; let s = statistics[l];
  let own = f32(sizes.first + i % sizes.count == u32(ids[l]));
  logits[i] = weights[l] * (own - exp(logits[i] - s.x) / s.y);`,
  });
}
