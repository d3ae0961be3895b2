/**
 * Evaluation of a finished model: the losses that a training run would tell at its end, without a step.
 * @module
 */
import { checkTensors } from "../../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { TrainerInputs } from "../../kinds/trainer.ts";
import { evaluateSets, type EvaluationOptions } from "./scoring/evaluate.ts";
import type { OpenEngine } from "./open_engine.ts";
import { ReferenceCache } from "./scoring/reference.ts";
import { completeGiven } from "./scoring/reference_model.ts";
import { rowsOfPacks } from "./rows_of_packs.ts";
import { engineSetup } from "./target/engine_setup.ts";
import { makeTarget } from "./target/make_target.ts";
import { finishedValueHead } from "./target/value_head.ts";
import { openHere } from "./train.ts";

/** What an evaluation needs of a trainer's inputs. */
export type EvaluationInputs =
  & Pick<
    TrainerInputs,
    | "config"
    | "model"
    | "decoder"
    | "merged"
    | "embeddings"
    | "loss"
    | "reference"
    | "evaluation"
    | "evaluationSets"
    | "signal"
  >
  & { log: Pick<TrainerInputs["log"], "note" | "phase"> }
  & Pick<EvaluationOptions, "onExample">;

/**
 * Evaluates the model with its adapter, if one is named, on the backend that the configuration names.
 * @returns `eval_loss` and others, as {@linkcode evaluateSets} names them; null when interrupted
 * @throws {RangeError} If the model, or that of the reference, lacks tensors, or the adapter doesn't fit
 */
export async function evaluateHere(inputs: EvaluationInputs): Promise<Record<string, number> | null> {
  // nothing is stepped, so that no optimizer keeps the run from a device
  const { optim: _, ...config } = inputs.config;
  return await openHere({ ...inputs, config }, (open) => evaluateModel(inputs, open));
}

async function evaluateModel(
  inputs: EvaluationInputs,
  open: OpenEngine,
): Promise<Record<string, number> | null> {
  const { model, decoder, loss, log, signal, onExample } = inputs;
  // adapters alone are read or made: a new one is zero, and changes nothing
  const config = {
    ...inputs.config,
    finetuning_type: "lora" as const,
    use_dora: false,
    pissa_init: false,
    // what other tunings take no notice of
    ...(inputs.config.finetuning_type !== "lora" && { lora_target: ["all"], use_llama_pro: false }),
  };
  checkTensors(model.weights, tensorShapes(decoder), model.path);
  const references = new ReferenceCache(), reference = loss.needsReference ? inputs.reference : null;
  if (reference) {
    await completeGiven(reference, { ...inputs, references, rows: [["eval", inputs.evaluation]] }, open);
  }
  const valueHead = loss.measure === "value" ? finishedValueHead(inputs) : null;
  const target = makeTarget(config, model, decoder, { files: {}, valueHead });
  const setup = engineSetup({ ...inputs, config }, target, inputs.merged);
  const engine = await open({ ...setup, optimizer: null }, inputs);
  try {
    const { rows, together } = await rowsOfPacks(config, undefined, engine, log);
    const scoring = {
      engine,
      loss,
      references,
      ...(reference && { isReferenceGiven: true }),
      together,
      accuracy: config.compute_accuracy && config.stage === "sft",
    };
    return await evaluateSets(scoring, inputs, {
      batch: config.per_device_eval_batch_size,
      budget: rows,
      signal,
      onProgress: (done, total) => log.phase("evaluation", done, total),
      ...(onExample && { onExample }),
    });
  } finally {
    await engine.close();
  }
}
