/**
 * Correctness of what `deno task bench train` times.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { makeBackend } from "../../../kernels/engine/backends.ts";
import { Engine } from "../../../kernels/engine/engine.ts";
import type { BackendChoice } from "../../../kernels/engine/host.ts";
import { packExamples } from "../../../kernels/engine/packs/pack.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { decoderOf } from "../../../plugins/kinds/decoder_of.ts";
import { checkIds, readQuads } from "./quads.ts";
import { stageExample } from "./stage_example.ts";
import type { MeasuredProcess } from "./train_process.ts";

/**
 * Nothing is timed before it is right: packed and shared equals one sequence at a time, in log-probabilities.
 * @param path Directory, GGUF file or hub id of the model
 * @param file Token ids of quadruples
 * @throws {RangeError} If the model lacks one of the ids
 * @throws {Error} If a sequence's log-probability is off by 2e-3 nats or more
 */
export async function checkSharedPrompts(
  path: string,
  file: string,
  device: BackendChoice,
): Promise<void> {
  const quads = readQuads(file), model = await openModel(path);
  const decoder = decoderOf(builtinRegistry(), model);
  try {
    checkIds(quads, decoder.vocabSize, { model: path, file });
  } catch (error) {
    model.weights.close();
    throw error;
  }
  const engine = new Engine(
    await makeBackend(device),
    { config: decoder, tuning: { type: "none" }, checkpointing: true },
    (n) => model.weights.read(n),
  );
  const example = stageExample("iopo", item(quads, 0), 0);
  const sum = async (sequences: typeof example.sequences) => {
    const pack = packExamples([{ ...example, sequences }]);
    const logps = await engine.forward(pack, { adapter: false, keep: false });
    const sums = new Float64Array(sequences.length);
    logps.forEach((v, l) =>
      pack.owners.subarray(pack.ownerStart[l], pack.ownerStart[l + 1]).forEach((s) => sums[s]! += v)
    );
    return sums;
  };
  const shared = await sum(example.sequences);
  for (const [i, sequence] of example.sequences.entries()) {
    const alone = (await sum([sequence]))[0]!, off = Math.abs(alone - item(shared, i));
    if (!(off < 2e-3)) {
      throw new Error(
        `Cannot time what is wrong: "${sequence.name}" sums to ${alone} alone and ${shared[i]} shared`,
      );
    }
  }
  model.weights.close();
  await engine.dispose();
}

/**
 * The peer starts from other random adapters, but with B = 0 the first loss is the model's own.
 * @throws {Error} If first losses differ by more than roundings do
 */
export function checkFirstLosses(runs: readonly MeasuredProcess[]): void {
  const ours = runs.find((r) => r.gflops !== null)!;
  for (const { program, firstLoss } of runs) {
    const allowed = [program, ours.program].some((name) => name.includes("bfloat16")) ? 0.05 : 1e-4;
    if (Math.abs(firstLoss - ours.firstLoss) > allowed) {
      throw new Error(
        `Cannot compare: the first loss is ${ours.firstLoss} here and ${firstLoss} in ${program}`,
      );
    }
  }
}
