/**
 * `deno task bench train`: seconds a step of LoRA training, beside PyTorch's on the same token ids, in turns.
 * @module
 */
import { openModel } from "../../../formats/hf_model/mod.ts";
import { ownTemporaryFolder } from "../../../formats/own_temporary_folder.ts";
import { makeBackend } from "../../../kernels/engine/backends.ts";
import type { BackendChoice } from "../../../kernels/engine/host.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { decoderOf } from "../../../plugins/kinds/decoder_of.ts";
import { modelFolder } from "../../../plugins/trainers/torch/model_folder.ts";
import { measureGflops } from "../../train/measure_gflops.ts";
import { checkPeer } from "../peer_command.ts";
import { checkFirstLosses, checkSharedPrompts } from "./train_check.ts";
import { checkTrainBench, type TrainBenchOptions } from "./train_options.ts";
import { type MeasuredProcess, measureProcess, trainPrograms } from "./train_process.ts";
import type { BenchView } from "../view.ts";

/**
 * Runs everything in turns, and says what each process found.
 * @throws {RangeError} If options don't go together, or the model lacks one of the token ids
 * @throws {Error} If what is timed is wrong, or a process fails
 */
export async function benchTrain(
  options: TrainBenchOptions,
  view: BenchView,
): Promise<{ runs: MeasuredProcess[]; peakGflops: number }> {
  checkTrainBench(options);
  const { model: path, quads, rounds, against, backend, provider, threads, tensors, operands } = options;
  if (against !== null) await checkPeer(against, "python3 tasks/bench/bench_iopo_torch.py");
  const place = { backend, provider, threads, tensors };
  // In float32: sequences by themselves are rounded elsewhere than shared ones.
  await checkSharedPrompts(path, quads, place);
  view.say("checked: sequences that share a prompt have the log-probabilities they have alone");
  const directory = ownTemporaryFolder("dinotune-bench-train-");
  try {
    const programs = trainPrograms(options, against === null ? "" : await asFolder(path, directory.path));
    const runs: MeasuredProcess[] = [], total = rounds * programs.length;
    for (let round = 0; round < rounds; round++) {
      for (const program of programs) {
        const { name, checkpointing } = program;
        view.bar("processes", runs.length, total, `${name}, checkpointing ${checkpointing}`);
        const measured = await measureProcess(program);
        const { seconds, peakMebibytes } = measured;
        view.say(
          `  ${name}, checkpointing ${checkpointing}: ${seconds.toFixed(2)} s a step, ${
            peakMebibytes.toFixed(0)
          } MiB`,
        );
        runs.push(measured);
      }
    }
    view.bar("processes", total, total);
    checkFirstLosses(runs);
    const device: BackendChoice = {
      ...place,
      ...(operands === "bf16" && { bf16: true }),
      ...(operands === "fp16" && { fp16: true }),
    };
    return { runs, peakGflops: await peakOf(device, path) };
  } finally {
    directory.release();
  }
}

/** Rate of large products on the device, 10⁹ operations a second. */
async function peakOf(device: BackendChoice, path: string): Promise<number> {
  const backend = await makeBackend(device), opened = await openModel(path);
  try {
    return await measureGflops(backend, decoderOf(builtinRegistry(), opened), 0.2);
  } finally {
    opened.weights.close();
    await backend.dispose();
  }
}

/** A Hugging Face folder of the model in float32, for the peer: written from a GGUF file where needed. */
async function asFolder(path: string, directory: string): Promise<string> {
  const model = await openModel(path);
  try {
    return modelFolder(model, decoderOf(builtinRegistry(), model), directory);
  } finally {
    model.weights.close();
  }
}
