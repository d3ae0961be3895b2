/**
 * Measures: `deno task bench train`, `deno task bench data`, `deno task bench kernels`.
 *
 * ```sh
 * deno task bench train --stage iopo --model MODEL --quads quads.json [--against "python3 bench_iopo_torch.py"]
 * deno task bench data --tokenizer DIR
 * deno task bench kernels [--backends onnx,webgpu]
 * ```
 * Correctness is checked before anything is timed. Peers run in turns with us, so that ratios hold on a noisy machine.
 * @module
 */
import { parseArgs } from "node:util";

import { benchKernels, kernelBenchText } from "../kernels/kernels_bench.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { makeBackend } from "../plugins/engine/backends.ts";
import { benchData } from "./_bench_data.ts";
import { benchTrain, trainBenchText } from "./_bench_train.ts";
import { runTask } from "./_cli.ts";

const HELP = `Usage
  deno task bench train --model PATH --quads FILE [options]
    --stage iopo|dpo|sft        which work (iopo)
    --steps N                   timed steps of a process, after one that isn't counted (3)
    --rounds N                  processes of each kind, in turns (1)
    --checkpointing on|off|both settings to try (both)
    --against "python3 SCRIPT"  a PyTorch script with the options of bench_iopo_torch.py, on the same ids
    --dtypes float32,bfloat16   of the peer (float32,bfloat16)
    --threads N                 of each process (one a core)
  deno task bench data --tokenizer DIR|FILE [--template NAME] [--rows N]
  deno task bench kernels [options]
    --backends onnx,webgpu      where (onnx,webgpu)
    --rows N                    tokens of a row, a multiple of 4 (512; 64 where an adapter is a CPU)
  --json                        one JSON object instead of a table`;

/** Carries out one bench; gives its exit code. */
export async function bench(args: readonly string[]): Promise<number> {
  const { values: a, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      stage: { type: "string", default: "iopo" },
      model: { type: "string" },
      quads: { type: "string" },
      steps: { type: "string", default: "3" },
      rounds: { type: "string", default: "1" },
      checkpointing: { type: "string", default: "both" },
      against: { type: "string" },
      dtypes: { type: "string", default: "float32,bfloat16" },
      threads: { type: "string" },
      tokenizer: { type: "string" },
      template: { type: "string" },
      rows: { type: "string" },
      backends: { type: "string", default: "onnx,webgpu" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const what = positionals[0];
  if (a.help || what === undefined) {
    console.log(HELP);
    return a.help ? 0 : 1;
  }
  const need = (name: "model" | "quads" | "tokenizer"): string => {
    const value = a[name];
    if (value === undefined) throw new RangeError(`Cannot bench ${what} without --${name}. See --help`);
    return value;
  };
  const say = a.json ? console.error : console.log;
  if (what === "train") {
    if (a.stage !== "iopo" && a.stage !== "dpo" && a.stage !== "sft") {
      throw new RangeError(`Cannot bench stage "${a.stage}": iopo, dpo and sft are known`);
    }
    const { runs, peakGflops } = await benchTrain({
      stage: a.stage,
      model: need("model"),
      quads: need("quads"),
      steps: Number(a.steps),
      rounds: Number(a.rounds),
      checkpointing: a.checkpointing === "both" ? ["off", "on"] : [a.checkpointing === "on" ? "on" : "off"],
      against: a.against ?? null,
      dtypes: a.dtypes.split(",") as ("float32" | "bfloat16")[],
      threads: a.threads ? Number(a.threads) : null,
    }, say);
    console.log(
      a.json ? JSON.stringify({ runs, peakGflops }, null, 2) : `\n${trainBenchText(runs, peakGflops)}`,
    );
    return 0;
  }
  if (what === "data") {
    const found = await benchData(builtinRegistry(), {
      tokenizer: need("tokenizer"),
      ...(a.template !== undefined && { template: a.template }),
      ...(a.rows !== undefined && { rows: Number(a.rows) }),
    });
    const text =
      `${found.rows} rows of ${found.tokensPerRow.toFixed(0)} tokens in ${found.seconds.toFixed(1)} s, ` +
      `${(found.peakBytes / 2 ** 20).toFixed(0)} MiB at most; ${
        found.cachedSeconds.toFixed(1)
      } s from the cache`;
    console.log(a.json ? JSON.stringify(found, null, 2) : text);
    return 0;
  }
  if (what === "kernels") {
    const backends: Awaited<ReturnType<typeof makeBackend>>[] = [];
    for (const backend of a.backends.split(",")) {
      if (backend !== "onnx" && backend !== "webgpu") {
        throw new RangeError(`Cannot bench kernels on backend "${backend}": onnx and webgpu are known`);
      }
      backends.push(
        await makeBackend({ backend, provider: "cpu", threads: a.threads ? Number(a.threads) : null }),
      );
    }
    const found = await benchKernels(backends, a.rows === undefined ? {} : { rows: Number(a.rows) });
    console.log(a.json ? JSON.stringify(found, null, 2) : kernelBenchText(found));
    for (const backend of backends) await backend.dispose();
    return 0;
  }
  throw new RangeError(`Cannot bench "${what}": train, data and kernels are known`);
}

if (import.meta.main) await runTask(() => bench(Deno.args));
