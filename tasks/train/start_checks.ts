/**
 * Faults that can be known before a run starts, from the encoded examples, the model and the adapter: token ids that the model
 * lacks are refused, other things that are probably not meant are reported.
 * @module
 */

import { item } from "../../formats/elements.ts";
import { didYouMean } from "../../formats/did_you_mean.ts";
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import {
  baseDifference,
  loraOf,
  matchTargets,
  readAdapterConfig,
  TRAINED_FIELDS,
} from "../../formats/peft/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import type { EncodedExample, EncodedSequence } from "../../kernels/engine/packs/encoded.ts";
import { packExamples } from "../../kernels/engine/packs/pack.ts";
import { type LoraTargetKeys, targetModules } from "../../plugins/kinds/targets/lora_targets.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import { averageMetrics, evaluateLoss } from "../../plugins/kinds/loss_evaluation.ts";
import type { TrainConfig } from "./config/mod.ts";

type Examples = readonly EncodedExample[];

/**
 * Makes sure that the embedding has a row for every token.
 * @throws {RangeError} If not: names the token, the row and the sequence
 */
export function checkTokenIds(
  examples: Examples,
  { vocabSize }: Pick<DecoderConfig, "vocabSize">,
  tokenizer: Pick<Tokenizer, "decode">,
  whose = "the model's",
): void {
  for (const { source, sequences } of examples) {
    for (const { name, input_ids } of sequences) {
      const ids = input_ids;
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!;
        if (id >= 0 && id < vocabSize) continue;
        throw new RangeError(
          `Cannot train as every token needs a row of ${whose} embedding, which has ${vocabSize}: current value is token ` +
            `${id} (${
              JSON.stringify(tokenizer.decode([id]))
            }) in ${source.file} row ${source.row}, sequence "${name}", ` +
            `position ${i}; the tokenizer isn't ${whose}${
              whose === "the model's"
                ? ": give the model's own, or set resize_vocab: true, which makes the embedding larger"
                : ": name one whose embedding has all tokens of the policy's"
            }`,
        );
      }
    }
  }
}

/**
 * Makes sure that evaluations will give the metric that tells the best checkpoint, before the first one would have to.
 * @throws {RangeError} If they won't: names those that they give
 */
export function checkBestMetric(
  {
    metric_for_best_model: metric,
    eval_strategy,
    stage,
    compute_accuracy,
    eval_on_each_dataset,
    eval_dataset,
  }: Pick<
    TrainConfig,
    | "metric_for_best_model"
    | "eval_strategy"
    | "stage"
    | "compute_accuracy"
    | "eval_on_each_dataset"
    | "eval_dataset"
  >,
  loss: Loss,
): void {
  if (metric === null || eval_strategy === "no") return;
  const of = (value: number) => Object.fromEntries(Object.keys(loss.sequences).map((name) => [name, value]));
  // kto gives some metrics for desirable answers only, some for the others
  const rows = evaluateLoss(
    loss,
    [true, false].map((desirable) => ({
      policy: of(-2),
      reference: of(-3),
      length: of(4),
      divergence: of(1),
      desirable,
    })),
  );
  const named = Object.keys(averageMetrics(loss, rows.map(({ metrics }) => metrics)));
  if (compute_accuracy && stage === "sft") named.push("accuracy");
  const sets = eval_on_each_dataset && eval_dataset.length > 0
    ? eval_dataset.map((name) => `${name}_`)
    : [""];
  const given = sets.flatMap((set) => [...new Set(["loss", ...named])].map((name) => `eval_${set}${name}`));
  const isClock = sets.some((set) => CLOCK.some((name) => metric === `eval_${set}${name}`));
  if (given.includes(metric) || isClock) return;
  throw new RangeError(
    `Cannot tell the best checkpoint by metric_for_best_model: ${metric}${
      didYouMean(metric, given)
    } as an evaluation gives ` +
      `${given.join(", ")}: use one of these`,
  );
}

/** What an evaluation tells of its time. */
const CLOCK = ["runtime", "samples_per_second", "steps_per_second"];

/** Bytes of a matrix that one buffer can hold. */
const LARGEST_MATRIX = 2 ** 32;

/**
 * Makes sure that an adapter's matrices can be made at all; what merely needs much memory is only estimated.
 * @param shapes Rows and columns of the modules
 * @throws {RangeError} If one would be larger than a buffer can be
 */
export function checkRankFits(rank: number, shapes: ReadonlyMap<string, readonly number[]>): void {
  for (const [name, shape] of shapes) {
    const bytes = 4 * rank * Math.max(...shape);
    if (bytes <= LARGEST_MATRIX) continue;
    throw new RangeError(
      `Cannot adapt ${name} with lora_rank: ${rank} as a matrix has to stay below 4 GiB: current value is ` +
        `${Math.round(bytes / 2 ** 30)} GiB. A rank of ${Math.min(...shape)} already allows any change there`,
    );
  }
}

/**
 * Makes sure that labels can be smoothed, which is a sum with the mean of all logits: one product where these are products, all of them where
 * they are capped.
 * @throws {RangeError} If the model caps them and labels are to be smoothed
 */
export function checkSmoothing(
  { label_smoothing_factor = 0 }: Partial<Pick<TrainConfig, "label_smoothing_factor">>,
  { modelType, logitCap }: Pick<DecoderConfig, "modelType" | "logitCap">,
): void {
  if (label_smoothing_factor === 0 || logitCap === undefined) return;
  throw new RangeError(
    `Cannot smooth labels of this ${modelType} model as its logits are capped (final_logit_softcapping: ${logitCap}): ` +
      `current value is label_smoothing_factor: ${label_smoothing_factor}; leave it out`,
  );
}

/**
 * Makes sure that what a loss measures of labels' distributions can be had: where logits are capped they exist inside of the head's kernels alone.
 * @throws {RangeError} If the model caps them and the loss measures something
 */
export function checkLabelMeasure(
  { labelMeasure }: Pick<Loss, "labelMeasure">,
  { modelType, logitCap }: Pick<DecoderConfig, "modelType" | "logitCap">,
): void {
  if (labelMeasure === undefined || logitCap === undefined) return;
  throw new RangeError(
    `Cannot measure labels' distributions of this ${modelType} model as its logits are capped (final_logit_softcapping: ${logitCap}): ` +
      `current value is a loss that measures ${labelMeasure}; use another loss (use_eaft_loss and use_asft_loss are of this kind)`,
  );
}

/**
 * Warns of sequences that are longer than the model was made for.
 * @throws {RangeError} If the model has other rotary frequencies for each length beyond that
 */
export function lengthWarnings(
  examples: Examples,
  { maxPositionEmbeddings: positions, rotaryLimit = Infinity }: Pick<
    DecoderConfig,
    "maxPositionEmbeddings" | "rotaryLimit"
  >,
): string[] {
  const lengths = examples.flatMap(({ sequences }) => sequences.map(({ input_ids }) => input_ids.length));
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  if (longest > rotaryLimit) {
    throw new RangeError(
      rotaryLimit < positions
        ? `Cannot train on a sequence of ${longest} tokens as longrope has other frequencies for texts beyond ` +
          `original_max_position_embeddings: current value is ${rotaryLimit}. cutoff_len: ${rotaryLimit} cuts it`
        : `Cannot train on a sequence of ${longest} tokens as dynamic rotary scaling has other frequencies for each length beyond ` +
          `max_position_embeddings: current value is ${rotaryLimit}. cutoff_len: ${rotaryLimit} cuts it; yarn, linear and llama3 have no such end`,
    );
  }
  const longer = lengths.filter((length) => length > positions);
  if (longer.length === 0) return [];
  return [
    `${longer.length} sequence${longer.length === 1 ? " of" : "s of up to"} ${longest} tokens ${
      longer.length === 1 ? "is" : "are"
    } longer than the ${positions} positions that the model was made ` +
    `for (max_position_embeddings): what lies behind is new to it; cutoff_len: ${positions} cuts them`,
  ];
}

/**
 * Warns of preference examples that teach nothing for any model: sequences that should be told apart are the same,
 * so that their gradients cancel.
 */
export function emptyGradientWarnings(examples: Examples, loss: Loss): string[] {
  const without = examples.filter((example) => hasTwins(example) && !hasGradient(example, loss));
  const [first] = without;
  if (first === undefined) return [];
  const { file, row } = first.source;
  return [
    `${without.length} of ${examples.length} examples have a gradient of exactly 0, as what should be told apart is the same ` +
    `(first: ${file} row ${row}): they only cost time`,
  ];
}

/** Only where two sequences are the same can everything cancel; that is cheaper to find out. */
function hasTwins({ sequences }: EncodedExample): boolean {
  return new Set(sequences.map(textOf)).size < sequences.length;
}

function textOf({ input_ids, labels }: EncodedSequence): string {
  return `${Array.from(input_ids)};${Array.from(labels)}`;
}

function hasGradient(example: EncodedExample, loss: Loss): boolean {
  const pack = packExamples([example]);
  // Log-ratios near 0 (where no loss is flat), the same for the same sequence and unrelated for others.
  const texts = [...new Set(example.sequences.map(textOf))];
  const ratio = Object.fromEntries(
    example.sequences.map((
      sequence,
    ) => [sequence.name, 1e-3 * Math.sqrt(2 + texts.indexOf(textOf(sequence)))]),
  );
  const policy = Object.fromEntries(pack.sequences.map(({ name, length }) => [name, -length]));
  const reference = Object.fromEntries(
    pack.sequences.map(({ name, length }) => [name, -length - (ratio[name] ?? 0)]),
  );
  const length = Object.fromEntries(pack.sequences.map(({ name, length }) => [name, length]));
  const [row] = evaluateLoss(loss, [{
    policy,
    length,
    divergence: ratio,
    ...(loss.needsReference && { reference }),
    ...(example.desirable !== undefined && { desirable: example.desirable }),
  }]);
  for (let label = 0; label < pack.labelIds.length; label++) {
    const owners = pack.owners.subarray(pack.ownerStart[label], pack.ownerStart[label + 1]);
    const names = Array.from(owners, (owner) => item(pack.sequences, owner).name);
    const slopes = [row?.gradient, row?.divergenceGradient].map((of) =>
      names.reduce((sum, name) => sum + (of?.[name] ?? 0), 0)
    );
    if (slopes.some((slope) => slope !== 0)) return true;
  }
  return false;
}

/**
 * Warns of an adapter that was trained on another model, and of ranks above what a module can use.
 * @param folders Folder of the adapter to continue; none: a new one
 */
export function adapterWarnings(
  [directory]: readonly string[],
  config: LoraTargetKeys & Pick<TrainConfig, "finetuning_type" | "model_name_or_path" | "lora_rank">,
  decoder: DecoderConfig,
): string[] {
  if (config.finetuning_type !== "lora") return [];
  const warnings: string[] = [];
  const difference = directory === undefined ? null : baseDifference(directory, config.model_name_or_path);
  if (difference !== null) warnings.push(`adapter_name_or_path: ${difference}`);
  const shapes = moduleShapes(decoder), modules = [...shapes.keys()];
  const adapter = directory === undefined
    ? null
    : readAdapterConfig(directory, modules, decoder.moduleRoot, TRAINED_FIELDS);
  const names = matchTargets(
    adapter ?? { targetModules: targetModules(config, modules) },
    modules,
  );
  const above = names.flatMap((name) => {
    const [rows = 0, columns = 0] = shapes.get(name) ?? [];
    const r = adapter ? loraOf(adapter, name).r : config.lora_rank, most = Math.min(rows, columns);
    return r > most ? [{ module: name.split(".").at(-1), r, most }] : [];
  });
  const [first] = above;
  if (first) {
    warnings.push(
      `lora_rank: ${first.r} is above the ${first.most} dimensions of ${first.module}: a rank of ${first.most} already ` +
        "allows any change there, more only costs time and memory",
    );
  }
  return warnings;
}
