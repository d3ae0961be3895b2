/**
 * Runs that go on with changes: the checkpoint has to hold the tensors that are trained now.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../../formats/exists.ts";
import { checkTensors, openModel } from "../../../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import { trainedShapes } from "../../../../kernels/engine/weights/tuning.ts";
import type { NamedArrays } from "../../../../kernels/engine/optimizer/optimizer.ts";
import type { ConfigDifference } from "../../../kinds/train_config.ts";
import { readTrainedAdapter } from "./read_trained.ts";
import type { Target } from "./target.ts";

/**
 * Makes sure, before an engine is opened, that a run of other settings trains what its checkpoint holds.
 * @param path The checkpoint
 * @param settings.changed What differs from the checkpoint's run, a line each
 * @param settings.optimizer The checkpoint's
 * @param settings.state The checkpoint's
 * @throws {RangeError} If it holds other tensors: `allow_changes` can't help there
 */
export async function checkResumedForm(
  path: string,
  target: Target,
  decoder: DecoderConfig,
  { changed, optimizer, state }: {
    changed: readonly string[];
    optimizer: NamedArrays;
    state: { readonly trains?: readonly string[] };
  },
): Promise<void> {
  const fault = await difference(path, target, decoder) ??
    otherTrained(target, decoder, state.trains ?? steppedNames(optimizer));
  if (fault === null) return;
  throw new RangeError(
    `Cannot resume from ${path} as the run trains other tensors than it holds, which allow_changes can't change: ${fault}. Changed ` +
      `are:\n  ${changed.join("\n  ")}\n` +
      "Undo the change of what is trained (finetuning_type, freeze_trainable_layers, lora_rank, lora_target, additional_target, use_dora, the adapter or the model), or start in another output_dir",
  );
}

/**
 * Makes sure that a run goes on with the optimizer that its checkpoint's numbers are of.
 * @param path The checkpoint
 * @param changes What differs from the checkpoint's run
 * @throws {RangeError} If it is another one: `allow_changes` can't help there
 */
export function checkResumedOptimizer(path: string, changes: readonly ConfigDifference[]): void {
  const other = changes.find(({ key }) => key === "optim");
  if (other === undefined) return;
  // checkpoints of before there were others don't say it
  const { before = "adamw_torch", after } = other;
  throw new RangeError(
    `Cannot resume from ${path} with optim: ${after} as it holds the numbers that optim: ${before} keeps, which allow_changes can't change: ` +
      `set optim: ${before}, or start in another output_dir`,
  );
}

async function difference(path: string, target: Target, decoder: DecoderConfig): Promise<string | null> {
  const isAdapter = exists(join(path, "adapter_config.json")), tunes = target.tuning.type;
  if (isAdapter !== (tunes === "lora")) {
    return `current value is finetuning_type ${tunes}, of ${isAdapter ? "an adapter" : "a whole model"}`;
  }
  try {
    if (isAdapter) return otherTensor(path, target, decoder);
    const { weights } = await openModel(path);
    try {
      checkTensors(weights, tensorShapes(decoder), path);
    } finally {
      weights.close();
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Of a model that is saved whole the tensors don't tell what was trained. */
function otherTrained({ tuning }: Target, decoder: DecoderConfig, before: readonly string[]): string | null {
  if (before.length === 0) return null;
  const shapes = trainedShapes(decoder, tuning);
  const more = [...shapes.keys()].find((name) => !before.includes(name));
  if (more !== undefined) return `tensor "${more}", which wasn't trained there`;
  const less = before.find((name) => !shapes.has(name));
  return less === undefined ? null : `tensor "${less}", which was trained there`;
}

/** What checkpoints of older versions tell of it: names of which an optimizer keeps numbers. */
function steppedNames(optimizer: NamedArrays): string[] {
  return Object.keys(optimizer).flatMap((key) => /^[a-z_]+\.(.+)$/.exec(key)?.[1] ?? []);
}

function otherTensor(path: string, target: Target, decoder: DecoderConfig): string | null {
  const saved = readTrainedAdapter(path, target, decoder), shapes = trainedShapes(decoder, target.tuning);
  for (const name of new Set([...shapes.keys(), ...Object.keys(saved)])) {
    const size = shapes.get(name)?.reduce((a, b) => a * b, 1);
    const [there, here] = [saved[name]?.length, size].map((length) =>
      length === undefined ? "missing" : `${length} elements`
    );
    if (there !== here) return `tensor "${name}", there ${there}: current value is ${here}`;
  }
  return null;
}
