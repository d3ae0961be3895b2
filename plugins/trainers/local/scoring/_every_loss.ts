/**
 * Every loss with every form that it has, and rows of each shape, for tests.
 * @module
 */
import { idsExample } from "../../../../tests/helpers/tiny_model.ts";
import type {
  DrawnAnswer,
  EncodedExample,
  SequenceMeasure,
} from "../../../../kernels/engine/packs/encoded.ts";
import type { ExampleShape } from "../../../kinds/dataset.ts";
import { ReferenceCache } from "./reference.ts";

const PAIR_TYPES = [
  ...["sigmoid", "hinge", "ipo", "robust", "sigmoid_norm"],
  ...["nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down"],
];
/** Every loss with every form that it has, by plugin. */
export const LOSSES: readonly [plugin: string, options: Record<string, unknown>][] = [
  ["sft", {}],
  ["sft", { dft: true }],
  ["sft", { eaft_alpha: 0.7 }],
  ["sft", { asft_alpha: 0.3 }],
  ["pt", {}],
  ...PAIR_TYPES.map((loss_type): [string, Record<string, unknown>] => ["dpo", { loss_type }]),
  ["dpo", { loss_type: "exo_pair", label_smoothing: 0.1 }],
  ["dpo", { loss_type: "robust", label_smoothing: 0.1, pref_ftx: 0.5 }],
  ["dpo", { label_smoothing: 0.1, ld_alpha: 0.4 }],
  ["dpo", { bco_weight: 0.7 }],
  ["orpo", {}],
  ["simpo", { gamma: 0.9, pref_ftx: 0.2 }],
  ["kto", {}],
  ["kto", { chosen_weight: 1.5, rejected_weight: 0.7, pref_ftx: 0.5 }],
  ...["full", "without_output_preference", "without_input_preference", "first_group_only"].map(
    (variant): [string, Record<string, unknown>] => ["iopo", { variant }],
  ),
  ["iopo", { loss_type: "hinge", pref_ftx: 0.3 }],
  ["iopo", { loss_type: "robust", label_smoothing: 0.2 }],
  ["grpo", {}],
  ["grpo", { loss_type: "grpo", beta: 0.3 }],
  ["grpo", { loss_type: "bnpo", epsilon: 0.1, epsilon_high: 0.15 }],
  ["grpo", { loss_type: "dr_grpo", max_new_tokens: 6 }],
];

/** Losses that take values of a value head. */
export const VALUE_LOSSES: typeof LOSSES = [["rm", {}]];

/** Rows of each shape: prompts that are shared, of one token or none; answers of one token and more. */
export function examplesOf(shape: ExampleShape, measure: SequenceMeasure = "logp"): EncodedExample[] {
  const short = [9], x1 = [7, 31, 4], x2 = [7, 31, 90, 12], y1 = [55, 8, 2], y2 = [61], y3 = [14, 15, 16, 17];
  const rows: Record<ExampleShape, Parameters<typeof idsExample>[0][]> = {
    text: [{ y: [[], [...x1, ...y1]] }, { y: [[], [...short, ...y2]] }],
    single: [{ y: [x1, y1] }, { y: [short, y2] }, { y: [x2, y3] }],
    pair: [{ chosen: [x1, y1], rejected: [x1, y2] }, { chosen: [short, y2], rejected: [short, y3] }],
    kto: [{ y: [x1, y1], kl: [x1, y2] }, { y: [x2, y2], kl: [x2, y1] }, { y: [short, y3], kl: [short, y1] }],
    iopo: [
      { x1y1: [x1, y1], x1y2: [x1, y3], x2y1: [x2, y1], x2y2: [x2, y3] },
      { x1y1: [short, y1], x1y2: [short, y2], x2y1: [x2, y1], x2y2: [x2, y2] },
    ],
    prompt: [{ y: [x1, y1] }, { y: [x1, y3] }, { y: [short, y2] }],
  };
  return rows[shape].map((row, index) => ({
    ...idsExample(row),
    ...(measure === "value" &&
      { sequences: idsExample(row).sequences.map((sequence) => ({ ...sequence, measure })) }),
    index,
    ...(shape === "kto" && { desirable: index !== 1 }),
    ...(shape === "prompt" && { drawn: drawnOf(index) }),
  }));
}

/** Answers of 3, 4 and 1 tokens that were likelier or less likely when they were drawn, so that some ratios are clipped. */
function drawnOf(index: number): DrawnAnswer {
  const length = [3, 4, 1][index] ?? 0;
  return {
    advantage: [0.9, -1.3, 0.4][index] ?? 0,
    masked: false,
    old: Float64Array.from({ length }, (_, t) => -4.8 + 1.5 * Math.sin(1 + index + 2 * t)),
    microBatch: { answers: 3, tokens: 8 },
  };
}

/** References that differ from the policy, so that rewards have either sign. */
export function referencesOf(examples: readonly EncodedExample[]): ReferenceCache {
  const references = new ReferenceCache();
  examples.forEach((example, i) => {
    const sums = example.sequences.map(({ name, labels }, s) => {
      const count = Array.from(labels).slice(1).filter((id) => id !== -100).length;
      return [name, -4.8 * count + 1.5 * Math.sin(1 + i + 2 * s)] as const;
    });
    references.set("train", example, Object.fromEntries(sums));
  });
  return references;
}
