/**
 * Examples of each optimizer step: transformers' order, counted in optimizer steps.
 * @module
 */
import { item, valueOf } from "../../../../formats/elements.ts";
import type { Loss } from "../../../kinds/loss.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { runLength } from "./steps.ts";
import { trainOrder } from "./order.ts";
import { packUnits } from "../../../../kernels/engine/packs/pack.ts";
import { DEFAULT_ROWS } from "../../../../kernels/engine/pack_rows.ts";

/** Examples of each optimizer step. */
export interface BatchPlan {
  totalSteps: number;
  stepsPerEpoch: number;
  /** Micro-batches of a step (numbered from 0), each a list of examples. */
  step(index: number): EncodedExample[][];
  /** Epochs done after so many steps, fractional. */
  epoch(steps: number): number;
}

/** Keys of a configuration that decide the plan. */
export type PlanConfig = Parameters<typeof runLength>[0] & Pick<TrainConfig, "data_seed">;

/**
 * Plans a run. With `bins`, the examples of a bin count as one (LLaMA-Factory's packing).
 * @throws {RangeError} If there aren't enough examples for one micro-batch.
 */
export function planBatches(
  config: PlanConfig,
  train: readonly EncodedExample[],
  shuffle: boolean,
  bins: readonly (readonly number[])[] | null,
): BatchPlan {
  const units: readonly (readonly EncodedExample[])[] = bins
    ? bins.map((bin) => bin.map((i) => item(train, i)))
    : train.map((example) => [example]);
  const { totalSteps, stepsPerEpoch, batchesPerEpoch } = runLength(config, units.length);
  const batch = config.per_device_train_batch_size, accumulation = config.gradient_accumulation_steps;
  let known = -1, order = new Int32Array() as Int32Array;
  return {
    totalSteps,
    stepsPerEpoch,
    step: (index) => {
      const epoch = Math.floor(index / stepsPerEpoch), within = index % stepsPerEpoch;
      if (epoch !== known) {
        [known, order] = [epoch, trainOrder(units.length, config.data_seed, epoch, shuffle)];
      }
      const batches: EncodedExample[][] = [];
      for (let b = within * accumulation; b < Math.min((within + 1) * accumulation, batchesPerEpoch); b++) {
        batches.push(
          [...order.subarray(b * batch, Math.min((b + 1) * batch, units.length))].flatMap((i) =>
            item(units, i)
          ),
        );
      }
      return batches;
    },
    epoch: (steps) => {
      const whole = Math.floor(steps / stepsPerEpoch), rest = steps % stepsPerEpoch;
      return whole + Math.min(rest * accumulation, batchesPerEpoch) / batchesPerEpoch;
    },
  };
}

/**
 * Micro-batches grouped into packs; `groups` of a pack are the positions of each micro-batch's examples in it. A loss that looks at micro-batches
 * gets them whole, one that carries numbers on in their order.
 */
export function packBatches(
  batches: readonly (readonly EncodedExample[])[],
  budget: number | null,
  { batch, carried }: Pick<Loss, "batch" | "carried">,
  replicas: number,
): { examples: EncodedExample[]; groups: number[][] }[] {
  const units = batch ? batches : batches.flatMap((b) => b.map((example) => [example]));
  const of = new Map<EncodedExample, number>();
  units.forEach((unit, u) => unit.forEach((example) => of.set(example, u)));
  return packUnits(units, budget ?? DEFAULT_ROWS, replicas, carried !== undefined).map((examples) => {
    const groups = new Map<number, number[]>();
    examples.forEach((example, i) => {
      const unit = valueOf(of, example);
      groups.set(unit, [...(groups.get(unit) ?? []), i]);
    });
    return { examples, groups: [...groups.values()] };
  });
}
