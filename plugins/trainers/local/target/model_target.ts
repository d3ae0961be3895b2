/**
 * The model's own tensors as what is trained.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import { asStored, checkWhole, processorFiles, saveModel } from "../../../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import { trainedShapes, type Tuning } from "../../../../kernels/engine/weights/tuning.ts";
import { freezeTargets } from "../../../kinds/targets/freeze_targets.ts";
import type { HeadTuning, Target, TargetConfig, TargetModel, TargetParts } from "./target.ts";
import { described } from "./written_files.ts";

/** The model's own tensors, all or some; those that stay as they are are saved with the others. */
export function modelTarget(
  config: TargetConfig,
  { model, decoder }: TargetModel,
  { files, head }: { files: TargetParts["files"]; head: HeadTuning },
): Target {
  checkWhole(model, decoder.moduleRoot);
  const shapes = tensorShapes(decoder), beside = { ...processorFiles(model), ...files };
  const tuning: Tuning = config.finetuning_type === "freeze"
    ? { type: "freeze", tensors: freezeTargets(config, decoder), ...head }
    : { type: "full", ...head };
  const trainable = trainedShapes(decoder, tuning);
  return {
    tuning,
    initial: {},
    pissa: null,
    save: (directory, trained) => {
      const tensors = [...shapes].map(([name, shape]) => ({
        name,
        shape,
        data: () => trainable.has(name) ? entryOf(trained, name) : model.weights.read(name),
      }));
      const written = saveModel(directory, asStored(model, tensors), {
        config: model.config,
        generationConfig: model.generationConfig,
        files: beside,
      });
      return described(written.filter((name) => !Object.hasOwn(beside, name)).sort(), beside);
    },
  };
}
