/**
 * Process of its own for subnormals_test.ts, since only its first session changes a thread. Two Workers are there before it, and the first of
 * them makes it. Prints, of both, of the main thread and of that through the binding, with 1 and with 2 threads, how many subnormal results weren't 0, and what the thread's
 * JavaScript takes 2⁻¹³³ for.
 * @module
 */
import { runOnce } from "../../contract.ts";
import { GraphBuilder } from "../../graph.ts";
import { multiply } from "../../ops/arithmetic/multiply.ts";
import { linear } from "../../ops/products/products.ts";
import { javascriptWay } from "./javascript_way.ts";
import { onnxBackend, type OnnxOptions } from "./mod.ts";

const ROWS = 400, COLS = 64;

/** Products of 2⁻⁶⁶, by ONNX Runtime's operator and by one of our own. */
async function left(threads: number, options: OnnxOptions = {}) {
  const backend = onnxBackend({ threads, ...options }), g = new GraphBuilder();
  const x = g.input("x", [ROWS, COLS]), w = g.input("w", [COLS, COLS]);
  const graph = g.finish({ theirs: g.run(multiply, { a: x, b: x }).y, own: g.run(linear, { x, w }).y });
  const tiny = (count: number) => new Float64Array(count).fill(2 ** -66);
  const outputs = await runOnce(backend, graph, { x: tiny(ROWS * COLS), w: tiny(COLS * COLS) });
  await backend.dispose();
  const counts = Object.entries(outputs).map(([name, values]) =>
    [name, values.reduce((n, value) => n + (value === 0 ? 0 : 1), 0)] as const
  );
  return { ...Object.fromEntries(counts), javascript: new Float32Array(Uint32Array.of(1 << 16).buffer)[0] };
}

if (self.name === "looks") {
  // Deno's types know the main thread alone.
  const scope = self as unknown as Worker;
  scope.onmessage = async ({ data }) => scope.postMessage(await left(data));
} else {
  const workers = [0, 1].map(() => new Worker(import.meta.url, { type: "module", name: "looks" }));
  const ask = (worker: Worker, threads: number) => {
    const answer = Promise.withResolvers<unknown>();
    worker.onmessage = ({ data }) => answer.resolve(data);
    worker.onerror = ({ message }) => answer.reject(new Error(message));
    worker.postMessage(threads);
    return answer.promise;
  };
  const said: unknown[] = [];
  for (const worker of workers) {
    for (const threads of [1, 2]) said.push(await ask(worker, threads));
  }
  for (const way of [undefined, javascriptWay("asked for by a test")]) {
    for (const threads of [1, 2]) said.push(await left(threads, way && { way }));
  }
  for (const worker of workers) worker.terminate();
  console.log(JSON.stringify(said));
}
