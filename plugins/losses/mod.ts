/**
 * The built-in losses and what a person's own loss is written with.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import dpo from "./dpo.ts";
import grpo from "./grpo.ts";
import iopo from "./iopo.ts";
import kto from "./kto.ts";
import orpo from "./orpo.ts";
import pt from "./pt.ts";
import rm from "./rm.ts";
import sft from "./sft.ts";
import simpo from "./simpo.ts";

export type { ExampleShape } from "../kinds/dataset.ts";
export {
  type ByName,
  type Carried,
  type CarriedValues,
  defineLoss,
  type LabelledTokens,
  type Loss,
  type LossInputs,
  type LossOutputs,
  type MicroBatchRow,
  type TokenInputs,
} from "../kinds/loss.ts";
export * from "../../kernels/tape.ts";
export * from "../kinds/loss_evaluation.ts";
export * from "./check.ts";

/** The built-in losses. */
export const losses: readonly Plugin[] = [sft, pt, rm, dpo, orpo, simpo, kto, iopo, grpo];
