/**
 * Speed of this machine's matrix products.
 * @module
 */
import type { Backend } from "../../kernels/backend.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { GraphBuilder } from "../../kernels/graph.ts";
import { linear } from "../../kernels/ops/products.ts";

/** Measures a matrix product of the model's size: 10⁹ operations a second, the best of three. */
export async function measureGflops(backend: Backend, model: DecoderConfig): Promise<number> {
  const [rows, inner, out] = [512, model.hiddenSize, model.intermediateSize];
  const g = new GraphBuilder();
  const graph = g.finish(g.run(linear, { x: g.input("x", [rows, inner]), w: g.input("w", [out, inner]) }));
  const program = await backend.compile(graph, "speed");
  const ramp = (n: number) => Float32Array.from({ length: n }, (_, i) => ((i * 7) % 13 - 6) / 13);
  const x = backend.upload(ramp(rows * inner), [rows, inner]);
  const w = backend.upload(ramp(out * inner), [out, inner], { frozen: true });
  const repeats = Math.max(1, Math.ceil(2e9 / (2 * rows * inner * out)));
  let best = 0;
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) {
      for (const tensor of Object.values(await program.run({ x, w }))) tensor.dispose();
    }
    const seconds = (performance.now() - start) / 1000;
    if (round > 0) best = Math.max(best, 2 * rows * inner * out * repeats / seconds / 1e9); // the first one warms up
  }
  for (const tensor of [x, w]) tensor.dispose();
  await program.dispose();
  return best;
}
