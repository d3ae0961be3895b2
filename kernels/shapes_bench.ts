/**
 * `deno task bench kernels --shapes`: the rate of products over the shapes of whole models, each beside its neighbours', so that a
 * shape that collapses is seen: of two such (docs/performance_webgpu.md) neither was among the sizes of one block.
 *
 * Up to {@linkcode FEW} rows a product is bound by reading its weight, and its rate is bytes; above, arithmetic. A shape is slow if its rate
 * is below {@linkcode LEAST_SHARE} of the best of its neighbours: the same matrix in the other storage, in the other layout, with the next
 * fewer rows, and the next smaller matrix, which all do no more work.
 * @module
 */
import { item } from "../formats/elements.ts";
import { type Backend, elements, type Tensor } from "./backend.ts";
import type { WebGpuBackend } from "./backends/webgpu/mod.ts";
import { type BenchProgress, timeProgram } from "./bench_time.ts";
import { kernelGraph } from "./contract.ts";
import { kernelCost } from "./cost.ts";
import type { Dims, Kernel } from "./kernel.ts";
import { linear, matmul } from "./ops/products/products.ts";

/** A frozen matrix `[out, in]` of a model. */
export interface Matrix {
  model: string;
  out: number;
  in: number;
}

/** A product of `rows` rows with a matrix, forward (`linear`) or with respect to its input (`matmul`). */
export interface Shape extends Matrix {
  rows: number;
  layout: "linear" | "matmul";
  storage: "float32" | "float16";
}

/** A measured shape. */
export interface ShapeTiming extends Shape {
  milliseconds: number;
  gflops: number;
  gbs: number;
  /** Its rate by the best of its neighbours'; 1 without any. */
  share: number;
}

/** Share of the neighbours' rate below which a shape is slow. */
export const LEAST_SHARE = 0.7;
/** Rows up to which a product is bound by its weight. */
export const FEW = 8;

function matricesOf(model: string, [hidden, kv, middle]: readonly [number, number, number]): Matrix[] {
  return [[kv, hidden], [hidden, hidden], [middle, hidden], [hidden, middle]].map(([out = 0, inner = 0]) => ({
    model,
    out,
    in: inner,
  }));
}

const SMALL = matricesOf("SmolLM2-135M", [576, 192, 1536]);
/** Matrices of attention and of the MLP of the models that the docs name. */
export const MATRICES: readonly Matrix[] = [
  ...SMALL,
  ...matricesOf("Llama-3.2-1B", [2048, 512, 8192]),
  ...matricesOf("Qwen2-1.5B", [1536, 256, 8960]),
  ...matricesOf("Qwen2-7B", [3584, 512, 18944]),
];

/** Extent of the measurement; by default all models, a small one alone where the backend computes on a CPU. */
export interface ShapeBenchOptions {
  matrices?: readonly Matrix[];
  rows?: readonly number[];
  /** Least time of one measurement, seconds. */
  seconds?: number;
  /** Told, between measurements, how many matrices are measured, and which is next. */
  onProgress?: BenchProgress;
}

/**
 * Measures every shape on a backend, in both layouts, and in float16 where it is stored so.
 * @throws {Error} If a product is wrong.
 */
export async function benchShapes(backend: Backend, options: ShapeBenchOptions = {}): Promise<ShapeTiming[]> {
  const { half = { storage: "none", kept: 0 }, software = true } = backend as Partial<WebGpuBackend>;
  const { matrices = software ? SMALL : MATRICES, seconds = 0.05, onProgress = () => {} } = options;
  const rows = options.rows ?? (software ? [1, 64] : [1, 8, 256, 1024, 4096]);
  const timings: Omit<ShapeTiming, "share">[] = [];
  for (const [index, matrix] of matrices.entries()) {
    const { model, out, in: inner } = matrix;
    onProgress(`${backend.name}: matrices`, index, matrices.length, `${model} ${out} × ${inner}`);
    for (const storage of half.storage === "none" ? ["float32"] as const : ["float32", "float16"] as const) {
      const before = half.kept, values = ramp(matrix.out * matrix.in);
      const weight = backend.upload(values, [matrix.out, matrix.in], { frozen: storage === "float16" });
      if (storage === "float16" && half.kept === before) {
        throw new Error(
          `Cannot time ${matrix.out} × ${matrix.in} as float16: its weight was kept as float32`,
        );
      }
      for (const layout of ["linear", "matmul"] as const) {
        // The gradient of a product is never of a few rows.
        for (const count of rows.filter((count) => layout === "linear" || count > FEW)) {
          timings.push(
            await timeShape(
              backend,
              { ...matrix, rows: count, layout, storage },
              { weight, values },
              seconds,
            ),
          );
        }
      }
      weight.dispose();
    }
  }
  onProgress(`${backend.name}: matrices`, matrices.length, matrices.length);
  return withShares(timings);
}

/** Numbers that float16 holds, of no pattern that a tile or a row repeats. */
function ramp(count: number): Float32Array<ArrayBuffer> {
  const period = 4099, values = new Float32Array(count);
  for (let i = 0; i < Math.min(period, count); i++) values[i] = ((i * 37) % 101 - 50) / 64;
  for (let done = period; done < count; done *= 2) values.copyWithin(done, 0, Math.min(done, count - done));
  return values;
}

async function timeShape(
  backend: Backend,
  shape: Shape,
  { weight, values }: { weight: Tensor; values: Float32Array },
  seconds: number,
): Promise<Omit<ShapeTiming, "share">> {
  const { rows, layout, storage } = shape, forward = layout === "linear";
  const kernel: Kernel = forward ? linear : matmul, name = forward ? "w" : "b";
  const depth = forward ? shape.in : shape.out;
  const dims: Dims = {
    rows,
    in: depth,
    out: forward ? shape.out : shape.in,
  };
  const program = await backend.compile(kernelGraph(kernel, { note: "shape", dims }), kernel.name);
  const x = ramp(rows * depth), input = backend.upload(x, [rows, depth]);
  const left = Object.keys(kernel.inputs).find((key) => key !== name) ?? "";
  const { time, outputs } = await timeProgram(
    backend,
    program,
    { [left]: input, [name]: weight },
    seconds,
  );
  const y = item(Object.values(outputs), 0);
  if (elements(y.shape) <= CHECKED) checkProduct(await backend.download(y), { shape, x, values });
  for (const tensor of [input, ...Object.values(outputs)]) tensor.dispose();
  await program.dispose();
  const cost = kernelCost(kernel, dims, { half: new Set(storage === "float16" ? [name] : []) });
  return {
    ...shape,
    milliseconds: 1e3 * time,
    gflops: cost.flops / time / 1e9,
    gbs: cost.bytes / time / 1e9,
  };
}

/** Elements of a result that is downloaded to look at some of them. */
const CHECKED = 2 ** 23;

/** Compares 16 results, spread over rows and columns, with sums in float64. @throws {Error} If one is off. */
function checkProduct(
  y: ArrayLike<number>,
  { shape, x, values }: { shape: Shape; x: Float32Array; values: Float32Array },
): void {
  const forward = shape.layout === "linear", depth = forward ? shape.in : shape.out;
  const columns = forward ? shape.out : shape.in;
  for (let sample = 0; sample < 16; sample++) {
    const row = (sample * 61) % shape.rows,
      column = Math.floor(((sample * 7919 + 1) / 16 * columns) % columns);
    let sum = 0, size = 0;
    for (let k = 0; k < depth; k++) {
      const term = (x[row * depth + k] ?? NaN) *
        (values[forward ? column * depth + k : k * columns + column] ?? NaN);
      sum += term;
      size += Math.abs(term);
    }
    const given = y[row * columns + column] ?? NaN;
    // Rounding of a sum of `depth` float32 in any order is far below 2⁻²⁴ √depth of its terms' sizes.
    if (!(Math.abs(given - sum) <= 2 ** -22 * Math.sqrt(depth) * size)) {
      throw new Error(
        `Cannot time ${shape.layout} ${shape.rows} × ${shape.out} × ${shape.in} in ${shape.storage}: ` +
          `row ${row}, column ${column} is ${given} for ${sum}`,
      );
    }
  }
}

/** Adds each shape's share of the best rate of its neighbours. */
export function withShares(timings: readonly Omit<ShapeTiming, "share">[]): ShapeTiming[] {
  const sorted = [...timings].sort((a, b) => a.out * a.in - b.out * b.in);
  return timings.map((own) => {
    const others = sorted.filter((other) => other !== own);
    const alike = (other: Shape, ...free: (keyof Shape)[]) =>
      (["rows", "layout", "storage", "out", "in"] as const).every((key) =>
        free.includes(key) || other[key] === own[key]
      );
    const fewer = others.filter((o) => alike(o, "rows") && o.rows < own.rows && isFew(o) === isFew(own));
    const smaller = others.filter((o) => alike(o, "out", "in") && o.out * o.in < own.out * own.in);
    const neighbours = [
      ...others.filter((o) => alike(o, "storage") || alike(o, "layout")),
      ...fewer.toSorted((a, b) => a.rows - b.rows).slice(-1),
      ...smaller.slice(-1),
    ];
    const best = Math.max(...neighbours.map((other) => rateOf(other, own)));
    return { ...own, share: neighbours.length ? rateOf(own, own) / best : 1 };
  });
}

function isFew({ rows }: Shape): boolean {
  return rows <= FEW;
}

/** Bytes a second where the weight bounds a shape, operations otherwise. */
function rateOf({ gbs, gflops }: Pick<ShapeTiming, "gbs" | "gflops">, of: Shape): number {
  return isFew(of) ? gbs : gflops;
}
