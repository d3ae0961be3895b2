/**
 * The value head that a reward model's run begins with: the one beside the adapter or the model, as LLaMA-Factory finds it, or a fresh one.
 * @module
 */
import {
  readValueHead,
  VALUE_HEAD_FILE,
  valueHeadDropout,
  valueHeadShapes,
} from "../../../../formats/value_head/value_head.ts";
import { kaimingUniformA } from "../../../../kernels/random/counter.ts";
import type { TrainerInputs } from "../../../kinds/trainer.ts";

/** A value head before the first step. */
export interface ValueHeadStart {
  /** By names of formats/value_head/value_head.ts. */
  tensors: Record<string, Float32Array<ArrayBuffer>>;
  /** Rate in [0, 1) at which training drops what it reads. */
  dropout: number;
  /** Folder that it was read from; null: drawn. */
  from: string | null;
}

/** Where a run's value head is looked for, and the model that it stands on. */
export type ValueHeadPlace = Pick<TrainerInputs, "model" | "decoder" | "merged"> & {
  config: Pick<TrainerInputs["config"], "adapter_name_or_path" | "seed">;
};

/** Folder that a value head is looked for in: that of the last adapter, or of the model where there is none. */
export function valueHeadFolder(
  { config, merged = [], model }: Pick<ValueHeadPlace, "config" | "merged" | "model">,
): string {
  return [...merged, ...config.adapter_name_or_path].at(-1) ?? model.path;
}

/**
 * The value head of {@linkcode valueHeadFolder}; where it has none one of numbers uniform in ±1/√hidden, as torch.nn.Linear begins.
 * @throws {RangeError} If the file there doesn't fit, or `summary_dropout_prob` of config.json is out of range
 */
export function valueHeadStart(place: ValueHeadPlace): ValueHeadStart {
  const { config: { seed }, model, decoder: { hiddenSize } } = place,
    dropout = valueHeadDropout(model.config);
  const folder = valueHeadFolder(place), read = readValueHead(folder, hiddenSize);
  if (read) return { tensors: read, dropout, from: folder };
  const drawn = [...valueHeadShapes(hiddenSize)].map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    kaimingUniformA(values, hiddenSize, seed, name);
    return [name, values] as const;
  });
  return { tensors: Object.fromEntries(drawn), dropout, from: null };
}

/** Where a value head comes from, and what is dropped of its input, human-readable. */
export function valueHeadNote(
  { from, dropout }: ValueHeadStart,
  place: Parameters<typeof valueHeadFolder>[0],
): string {
  const start = from === null
    ? `drawn, as ${valueHeadFolder(place)} has no ${VALUE_HEAD_FILE}`
    : `that of ${from}`;
  return `value head: ${start}; dropout ${dropout} of what it reads`;
}

/**
 * The value head of a finished reward model.
 * @throws {RangeError} If there is none: a drawn one would give numbers that mean nothing
 */
export function finishedValueHead(place: ValueHeadPlace): ValueHeadStart {
  const start = valueHeadStart(place);
  if (start.from !== null) return start;
  throw new RangeError(
    `Cannot use ${
      valueHeadFolder(place)
    } as a reward model as it needs a value head: it has no ${VALUE_HEAD_FILE}. Train one (do_train: true), or ` +
      "name the folder that a training of stage rm has written",
  );
}
