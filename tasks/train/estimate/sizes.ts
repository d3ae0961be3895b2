/**
 * Sizes that work and memory are counted from: the backend's way, the model's numbers, the data's rows.
 * @module
 */
import { valueOf } from "../../../formats/elements.ts";
import { type LoraConfig, loraOf, matchTargets, savedTensors } from "../../../formats/peft/mod.ts";
import { valueHeadShapes } from "../../../formats/value_head/value_head.ts";
import {
  HEAD,
  headWeight,
  linearModules,
  moduleShape,
  moduleShapes,
  tensorShapes,
} from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { lowestTrained } from "../../../kernels/engine/body/body.ts";
import { keptNumbers } from "../../../kernels/engine/optimizer/rules.ts";
import { trainedShapes } from "../../../kernels/engine/weights/tuning.ts";
import type { EncodedExample, SequenceMeasure } from "../../../kernels/engine/packs/encoded.ts";
import { exampleRows } from "../../../kernels/engine/packs/pack.ts";
import { DEFAULT_ROWS } from "../../../kernels/engine/pack_rows.ts";
import { freezeTargets } from "../../../plugins/kinds/targets/freeze_targets.ts";
import { targetModules } from "../../../plugins/kinds/targets/lora_targets.ts";
import { isOneProgram } from "../config/mod.ts";
import type { EstimateConfig } from "./types.ts";

/** A way in which a backend runs the blocks. */
export type DevicePlace = ReturnType<typeof devicePlace>;
/** Counts of a model's numbers. */
export type Weights = ReturnType<typeof weightsOf>;
/** Counts of rows. */
export type DataRows = ReturnType<typeof dataRows>;

/** The way in which a backend runs the blocks: `gpu` of ONNX Runtime, `stack` all of them as one program. */
export function devicePlace(config: EstimateConfig) {
  const gpu = config.provider !== "cpu" && (config.backend === "onnx" || config.backend === "auto");
  const stack = isOneProgram(config);
  return { gpu, stack, checkpoints: !config.disable_gradient_checkpointing && !stack };
}

/** Numbers of a model's tensors. @param measure `value`: with a value head in the place of an output head of its own */
export function parametersOf(model: DecoderConfig, measure: SequenceMeasure = "logp"): number {
  const isOfRun = (name: string) => measure === "logp" || name !== HEAD;
  const own = [...tensorShapes(model)].filter(([name]) => isOfRun(name)).reduce(
    (sum, [, shape]) => sum + sizeOf(shape),
    0,
  );
  return own + valueHeadSize(model, measure);
}

function valueHeadSize({ hiddenSize }: DecoderConfig, measure: SequenceMeasure): number {
  return measure === "value" ? hiddenSize + 1 : 0;
}

/**
 * Counts of the model's numbers: all, those of the blocks' linear modules, those that are trained, `own` those of the model itself among them, `kept` those that
 * the optimizer keeps of them;
 * shares of the linear modules that are trained, and of the layers that the way back goes through; whether the output head is trained, and its rows; the
 * adapted modules' shapes; those of tensors that are trained beside adapters, and of the adapted modules' weights; and the names of
 * the model's tensors that are trained, and of those weights.
 */
export function weightsOf(
  config: EstimateConfig,
  model: DecoderConfig,
  adapter: LoraConfig | null,
  measure: SequenceMeasure = "logp",
) {
  const parameters = parametersOf(model, measure), headRows = measure === "value" ? 1 : model.vocabSize;
  const linear = model.numLayers *
    linearModules(model).map((name) => moduleShape(model, name)).reduce((sum, [a, b]) => sum + a * b, 0);
  if (config.finetuning_type !== "lora") {
    const targetedNames = new Set<string>();
    return {
      parameters,
      linear,
      headRows,
      ...ownWeights(config, model, linear, measure),
      adapted: [],
      saved: 0,
      targeted: 0,
      targetedNames,
    };
  }
  const shapes = moduleShapes(model), names = [...shapes.keys()];
  const targets = matchTargets(adapter ?? { targetModules: targetModules(config, names) }, names);
  const rankOf = (name: string) => adapter ? loraOf(adapter, name).r : config.lora_rank;
  const adapters = targets.flatMap((name) => {
    const [out, inner] = valueOf(shapes, name), r = rankOf(name);
    return [[r, inner], [out, r], ...(adapter?.useDora ?? config.use_dora) ? [[out]] : []];
  });
  const targeted = targets.map((name) => valueOf(shapes, name)).reduce(
    (sum, [out, inner]) => sum + out * inner,
    0,
  );
  const whole = savedTensors(adapter?.modulesToSave ?? config.additional_target, tensorShapes(model));
  const saved = [...whole.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
  const valueHead = measure === "value" ? [...valueHeadShapes(model.hiddenSize).values()] : [];
  const counted = countsOf(config, [...adapters, ...whole.values(), ...valueHead]);
  const adapted = linearModules(model).filter((module) => targets.some((name) => name.endsWith(module)))
    .map((module) => moduleShape(model, module));
  const lowest = [...targets.map((name) => `${name}.`), ...whole.keys()];
  const reached = 1 - lowestTrained(lowest, model.numLayers) / model.numLayers;
  const head = whole.has(headWeight(model));
  return {
    parameters,
    linear,
    headRows,
    ...counted,
    own: 0,
    tuned: 0,
    reached,
    head,
    adapted,
    saved,
    targeted,
    trainedNames: new Set(whole.keys()),
    targetedNames: new Set(targets.map((name) => `${name}.weight`)),
  };
}

/** Of the model's own tensors that are trained. */
function ownWeights(config: EstimateConfig, model: DecoderConfig, linear: number, measure: SequenceMeasure) {
  const { finetuning_type: type } = config, head = measure === "value" && { valueHead: { dropout: 0 } };
  const shapes = trainedShapes(
    model,
    type === "freeze" ? { type, tensors: freezeTargets(config, model), ...head } : { type: "full", ...head },
  );
  const sizes = [...shapes].map(([name, shape]) => ({ name, size: sizeOf(shape) }));
  const counted = countsOf(config, [...shapes.values()]);
  const inModules = sizes.filter(({ name }) => moduleShapes(model).has(name.replace(/\.weight$/, "")));
  return {
    ...counted,
    own: counted.trained,
    tuned: inModules.reduce((sum, { size }) => sum + size, 0) / linear,
    reached: 1 - lowestTrained(shapes.keys(), model.numLayers) / model.numLayers,
    head: shapes.has(headWeight(model)),
    trainedNames: new Set(shapes.keys()),
  };
}

/** Numbers of tensors that are trained, and of what the optimizer keeps of them. */
function countsOf(
  { optim }: EstimateConfig,
  shapes: readonly (readonly number[])[],
): { trained: number; kept: number } {
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
  return {
    trained: sum(shapes.map(sizeOf)),
    kept: sum(shapes.map((shape) => keptNumbers(optim, shape))),
  };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** DataRows of all examples together and of the largest, and the learnt tokens, or values. */
export function dataRows(train: readonly EncodedExample[]) {
  const rows = train.map(exampleRows);
  return {
    all: rows.reduce((a, b) => a + b, 0),
    largest: rows.reduce((a, b) => Math.max(a, b), 0),
    labels: train.reduce(
      (sum, { sequences }) =>
        sum + sequences.reduce((n, s) => n + (s.measure === "value" ? 1 : count(s.labels)), 0),
      0,
    ),
  };
}

/** DataRows of a pack at most: as many as are asked for and there are, or the largest example's. */
export function packRows({ micro_batch_tokens }: EstimateConfig, { all, largest }: DataRows): number {
  return Math.max(largest, Math.min(Math.max(all, DEFAULT_ROWS), micro_batch_tokens ?? DEFAULT_ROWS));
}

function count(labels: ArrayLike<number>): number {
  let n = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== -100) n++;
  return n;
}
