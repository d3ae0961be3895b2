/**
 * Speed of this machine's matrix products.
 * @module
 */
import type { Backend } from "../../kernels/backend.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { timeProgram } from "../../kernels/bench_time.ts";
import { GraphBuilder } from "../../kernels/graph.ts";
import { linear } from "../../kernels/ops/products/products.ts";

/**
 * Measures a matrix product of the model's size: 10⁹ operations a second, the median of three, a device's work waited for.
 * @param seconds Of each of the three, about. Who only looks at a run waits for as little as tells its time
 */
export async function measureGflops(
  backend: Backend,
  model: DecoderConfig,
  seconds: number,
): Promise<number> {
  const [rows, inner, out] = [512, model.hiddenSize, model.intermediateSize];
  const g = new GraphBuilder();
  const graph = g.finish(g.run(linear, { x: g.input("x", [rows, inner]), w: g.input("w", [out, inner]) }));
  const program = await backend.compile(graph, "speed");
  const ramp = (n: number) => Float32Array.from({ length: n }, (_, i) => ((i * 7) % 13 - 6) / 13);
  const x = backend.upload(ramp(rows * inner), [rows, inner]);
  const w = backend.upload(ramp(out * inner), [out, inner], { frozen: true });
  const { time, outputs } = await timeProgram(backend, program, { x, w }, seconds);
  for (const tensor of [x, w, ...Object.values(outputs)]) tensor.dispose();
  await program.dispose();
  return 2 * rows * inner * out / time / 1e9;
}
