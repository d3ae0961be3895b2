/**
 * The meaning of `finetuning_type: freeze`, once for what trains, checks and estimates: LLaMA-Factory 0.9.5's `_setup_freeze_tuning`,
 * which goes by parts of tensors' names.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { nowhere, placed } from "../place.ts";
import type { TrainConfig } from "../train_config.ts";

/** Keys that say which tensors are trained. */
export type FreezeKeys = Pick<
  TrainConfig,
  "freeze_trainable_layers" | "freeze_trainable_modules" | "freeze_extra_modules" | "use_llama_pro"
>;

/**
 * Names of the tensors that are trained, in the model's order.
 * @param placeOf Where a key was written, for errors
 * @throws {RangeError} If a module isn't the model's, layers can't be shared out, or nothing would be trained
 */
export function freezeTargets(
  keys: FreezeKeys,
  decoder: DecoderConfig,
  placeOf: (key: string) => string = nowhere,
): string[] {
  const names = [...tensorShapes(decoder).keys()];
  const layers = placed(placeOf("freeze_trainable_layers"), () => chosenLayers(keys, decoder.numLayers));
  const inside = modulesOf(names, /^model\.layers\.0\.([^.]+)\./);
  const parts = layers.flatMap((layer) =>
    keys.freeze_trainable_modules.map((module) => `.${layer}.${module === "all" ? "" : module}`)
  );
  placed(placeOf("freeze_trainable_modules"), () => {
    for (const module of keys.freeze_trainable_modules) {
      if (module !== "all") checkModule(module, inside, "a layer has");
    }
  });
  const outside = modulesOf(names.filter((name) => !/\.\d+\./.test(name)), /([^.]+)\.[^.]+$/);
  placed(placeOf("freeze_extra_modules"), () => {
    for (const module of keys.freeze_extra_modules) {
      checkModule(module, outside, "beside its layers the model has");
    }
  });
  const tensors = names.filter((name) =>
    [...parts, ...keys.freeze_extra_modules].some((part) => name.includes(part))
  );
  if (tensors.length > 0) return tensors;
  return placed(placeOf("freeze_trainable_layers"), () => {
    throw new RangeError(
      "Cannot train nothing: current value is freeze_trainable_layers: 0 without freeze_extra_modules; give a number of last layers, or a negative " +
        "one of first layers",
    );
  });
}

/** A note for each extra module whose name is a part of names in layers as well, so that more is trained than it says. */
export function freezeNotes({ freeze_extra_modules: extra }: FreezeKeys, decoder: DecoderConfig): string[] {
  const layers = [...tensorShapes(decoder).keys()].filter((name) => name.startsWith("model.layers."));
  return extra.flatMap((module) => {
    const name = layers.find((layer) => layer.includes(module));
    return name === undefined
      ? []
      : `freeze_extra_modules: ${module} is a part of names in every layer, such as ${name}, so that these are trained as well, as in LLaMA-Factory`;
  });
}

/** Numbers of the layers that are trained, ascending: the last, of a negative number the first, with `use_llama_pro` the expanded ones. */
function chosenLayers({ freeze_trainable_layers: count, use_llama_pro }: FreezeKeys, all: number): number[] {
  if (use_llama_pro) return expandedLayers(count, all);
  return Array.from({ length: all }, (_, layer) => layer).filter((layer) =>
    count > 0 ? layer >= all - count : layer < -count
  );
}

/**
 * Numbers of the layers that block expansion (LLaMA Pro) has added, ascending: the last of each of `count` equal shares.
 * @param count freeze_trainable_layers
 * @throws {RangeError} If it doesn't divide the model's `all` layers
 */
export function expandedLayers(count: number, all: number): number[] {
  if (count < 1 || all % count !== 0) {
    throw new RangeError(
      `Cannot train expanded blocks with freeze_trainable_layers: ${count} as it needs a positive number that divides the model's ${all} layers: ` +
        "give the number of blocks that the model was expanded by",
    );
  }
  return Array.from({ length: count }, (_, share) => (share + 1) * (all / count) - 1);
}

function modulesOf(names: readonly string[], part: RegExp): string[] {
  return [...new Set(names.flatMap((name) => part.exec(name)?.[1] ?? []))];
}

function checkModule(module: string, known: readonly string[], whose: string): void {
  if (known.includes(module)) return;
  throw new RangeError(
    `Cannot train module "${module}"${didYouMean(module, known)}: ${whose} ${known.join(", ")}`,
  );
}
