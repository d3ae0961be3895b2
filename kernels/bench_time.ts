/**
 * Time of one program on a backend, for the benches of kernels and of products' shapes.
 * @module
 */
import { item } from "../formats/elements.ts";
import type { Backend, Program, Tensor } from "./backend.ts";
import type { WebGpuBackend } from "./backends/webgpu/mod.ts";

/** Told between measurements: how many of a bench's parts are done, and the next one's name. */
export type BenchProgress = (name: string, done: number, total: number, next?: string) => void;

/**
 * Seconds of a run: the median of three measurements of as many runs as fill about `seconds`, by the device's own clock where it
 * has one. Outputs are given back with it; they and the inputs stay the caller's.
 */
export async function timeProgram(
  backend: Backend,
  program: Program,
  tensors: Readonly<Record<string, Tensor>>,
  seconds: number,
): Promise<{ time: number; outputs: Record<string, Tensor> }> {
  const finish = (backend as { finish?: () => Promise<void> }).finish ?? (() => Promise.resolve());
  let outputs: Record<string, Tensor> = await program.run(tensors);
  const { timed: onDevice } = backend as Partial<WebGpuBackend>;
  const timed = async (runs: number) => {
    if (onDevice) {
      const seconds = await onDevice(async () => {
        for (let i = 0; i < runs; i++) outputs = await program.run(tensors, outputs);
      });
      return seconds / runs;
    }
    await finish();
    const start = performance.now();
    for (let i = 0; i < runs; i++) outputs = await program.run(tensors, outputs);
    await finish();
    return (performance.now() - start) / 1e3 / runs;
  };
  // A device without a clock is asked for finished work only every 10 ms, so a measurement has to be long beside that.
  let runs = 1;
  while (runs < (onDevice ? 256 : 4096) && runs * await timed(runs) < seconds / 2) runs *= 4;
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await timed(runs));
  return { time: item(times.sort((a, b) => a - b), 1), outputs };
}
