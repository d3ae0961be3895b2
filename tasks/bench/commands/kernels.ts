/**
 * `deno task bench kernels`: its flags, and what they ask for.
 * @module
 */
import { makeBackend } from "../../../kernels/engine/backends.ts";
import { BENCH_CASES } from "../../../kernels/bench_cases.ts";
import { benchKernels } from "../../../kernels/kernels_bench.ts";
import { benchShapes, type ShapeTiming } from "../../../kernels/shapes_bench.ts";
import { flagName, flagNames, flagNumber } from "../flag_values.ts";
import { kernelBenchText } from "../kernels.ts";
import { shapesText } from "../shapes.ts";
import { type BenchCommand, PROVIDER, PROVIDERS, threads } from "./command.ts";

/** Kernels beside a device's peak, or products over the shapes of whole models. */
export const kernelsBench: BenchCommand = {
  example: "kernels --backend onnx",
  flags: {
    "backend NAMES": "onnx,webgpu (default) or one of them",
    "provider NAME": PROVIDER,
    "rows N": "tokens of a row, a multiple of 4 (512; 64 where an adapter is a CPU)",
    "kernels NAMES": "these alone, such as attention,linear (all)",
    "threads N": "of the onnx backend (OMP_NUM_THREADS, or one per core)",
    shapes:
      "products over the shapes of whole models instead, each beside its neighbours (one small model where an adapter is a CPU)",
  },
  run: async (given, view) => {
    const names = flagNames(given, "backend", ["onnx", "webgpu"]),
      provider = flagName(given, "provider", PROVIDERS);
    const backends = await Promise.all(
      names.map((backend) => makeBackend({ backend, provider, threads: threads(given) })),
    );
    if (given.flags.has("shapes")) {
      const rows = given.flags.has("rows") ? { rows: [flagNumber(given, "rows")] } : {};
      const found: ShapeTiming[][] = [], texts: string[] = [];
      for (const backend of backends) {
        const shapes = await benchShapes(backend, { ...rows, onProgress: view.bar });
        found.push(shapes);
        texts.push(shapesText(backend.description, shapes));
        await backend.dispose();
      }
      return {
        found: Object.fromEntries(names.map((name, i) => [name, found[i]])),
        text: texts.join("\n\n"),
      };
    }
    const known = [...new Set(BENCH_CASES.map(({ kernel }) => kernel.name))];
    const found = await benchKernels(backends, {
      ...given.values.has("rows") && { rows: flagNumber(given, "rows") },
      ...given.values.has("kernels") && { kernels: flagNames(given, "kernels", known) },
      onProgress: view.bar,
    });
    for (const backend of backends) await backend.dispose();
    return { found, text: kernelBenchText(found) };
  },
};
