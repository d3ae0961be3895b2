/**
 * The data of a run, token by token: the first examples of its data, what is learnt of each and what was cut off.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { EncodedExample, EncodedSequence } from "../../../kernels/engine/packs/encoded.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { withoutDrawn } from "../../../plugins/trainers/local/rollouts/prompt_of.ts";
import { inTrainingOrder } from "../../preview.ts";
import { dataText } from "../../train/data_text.ts";
import { readTrainConfig } from "../../train/config/mod.ts";
import { prepare } from "../../train/prepare.ts";
import { encode } from "../../train/prepare/encode.ts";
import { Refusal } from "../refusal.ts";

/** A token: its text, and 1 where it is learnt, 0 where it is only read, −1 where it was cut off. */
export type ShownToken = [text: string, use: 1 | 0 | -1];

/** Examples as the page shows them. */
export interface TokenPreview {
  /** Counts of used, cut and dropped rows among those read. */
  data: string;
  /** The first ones, in training order. */
  examples: { file: string; row: number; sequences: { name: string; tokens: ShownToken[] }[] }[];
}

/** Rows read of each set. */
const ROWS = 50;
/** Examples shown. */
const SHOWN = 8;
/** Longer than any row. */
const UNCUT = 1_000_000;
/** Label of a token that isn't learnt. */
const NOT_LEARNT = -100;

/**
 * Encodes the first rows of a run's data as the run does, and once more without a limit of length to see what was cut. Writes
 * nothing.
 * @param path run.yaml
 * @throws {RangeError} If the model or the data isn't there any more
 * @throws {Refusal} 409 if the run has plugins of its own: their code isn't run by a page that only looks
 */
export async function tokenPreview(path: string): Promise<TokenPreview> {
  const { config: whole, placeOf } = readTrainConfig(path);
  if (whole.plugins.length > 0) {
    throw new Refusal(
      409,
      `This run has plugins of its own (${
        whole.plugins.join(", ")
      }), whose code a page doesn't run: use deno task preview`,
    );
  }
  const config = { ...whole, max_samples: Math.min(whole.max_samples ?? ROWS, ROWS), data_cache_dir: null };
  const registry = builtinRegistry();
  const ready = await prepare(config, registry, () => {}, placeOf);
  ready.model.weights.close();
  const encoded = await encode(config, { registry, ready });
  // a prompt that is too long to be answered is none of the run's
  const uncut = await encode({ ...config, cutoff_len: UNCUT }, {
    registry,
    ready: { ...ready, rewards: null },
  });
  const wholes = new Map(uncut.train.map((example) => [placeOfRow(example), withoutDrawn(example)]));
  const token = (id: number) => ready.model.tokenizer.decode([id]);
  return {
    data: dataText(encoded.report),
    examples: inTrainingOrder(encoded, config, 0).slice(0, SHOWN).map(withoutDrawn).map((example) => ({
      ...example.source,
      sequences: example.sequences.map((sequence, i) => ({
        name: sequence.name,
        tokens: shown(sequence, wholes.get(placeOfRow(example))?.sequences[i] ?? sequence, token),
      })),
    })),
  };
}

function placeOfRow({ source: { file, row } }: EncodedExample): string {
  return `${file}\n${row}`;
}

/** Tokens of the whole sequence; those that the cut one lacks are cut off. */
function shown(
  { input_ids: kept, labels }: EncodedSequence,
  { input_ids: whole }: EncodedSequence,
  token: (id: number) => string,
): ShownToken[] {
  const result: ShownToken[] = [];
  let next = 0;
  for (let i = 0; i < whole.length; i++) {
    const id = item(whole, i);
    const left = whole.length - i, needed = kept.length - next;
    const isKept = next < kept.length && kept[next] === id &&
      (needed === left || !skips(kept, whole, next, i));
    result.push([token(id), isKept ? item(labels, next) === NOT_LEARNT ? 0 : 1 : -1]);
    if (isKept) next++;
  }
  return result;
}

/** True if the kept ids go on differently from here, so that an equal id here was cut off all the same. */
function skips(kept: ArrayLike<number>, whole: ArrayLike<number>, next: number, i: number): boolean {
  const length = Math.min(8, kept.length - next);
  let same = 0;
  while (same < length && kept[next + same] === whole[i + same]) same++;
  return same < length && same < 2;
}
