/**
 * Checks of what a loss of one's own gives.
 * @module
 */
import { z } from "zod";

import { Scalar } from "../../../kernels/tape.ts";
import type { CarriedValues, Loss, LossInputs, LossOutputs, MicroBatchRow } from "../loss.ts";
import { SHAPE_PARTS, SHAPES } from "./dataset.ts";
import { productFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import { guardedInputs, guardedRows, guardedTokens } from "./loss_inputs.ts";
import { type Maker, replacing } from "./maker.ts";
import {
  aFunction,
  fields,
  flag,
  functionOrNothing,
  isNamed,
  namedNumbers,
  needed,
  oneOfNames,
  orNothing,
} from "./schemas.ts";

/** Names that a log has of its own: a metric of that name would stand in their place. */
const LOGGED = ["loss", "grad_norm", "learning_rate", "epoch", "step", "num_input_tokens_seen"];
const metric = (v: unknown) => typeof v === "number" || v instanceof Scalar;

const ownNames = z.unknown().superRefine((metrics, context) => {
  const taken = LOGGED.find((name) => Object.hasOwn(metrics as object, name));
  if (taken === undefined) return;
  const message = `metrics under names that the log doesn't use itself (${LOGGED.join(", ")}) are needed`;
  context.addIssue({ code: "custom", message });
});

const made = productFields({
  shape: oneOfNames(...SHAPES),
  sequences: needed("a map of names to [prompt, answer]", isSequences),
  needsReference: flag,
  normalize: oneOfNames("examples", "label_tokens"),
  loss: aFunction,
}, {
  measure: oneOfNames("logp", "value").optional(),
  batch: functionOrNothing,
  carried: needed("initial numbers and a function next(), or nothing,", isCarriedOrNothing),
  tokenWeights: functionOrNothing,
  labelMeasure: needed(
    '"top_entropy" or "divergence", or nothing,',
    (v) => v === undefined || v === "top_entropy" || v === "divergence",
  ),
  perToken: orNothing(flag),
  summarize: functionOrNothing,
  initialLoss: needed("a finite number, or nothing,", (v) => v === undefined || Number.isFinite(v)),
});

const lossOutputs = fields({
  loss: needed("a value made of policy or R (a Scalar)", (v) => v instanceof Scalar),
  metrics: needed("a map of names to numbers", (v) => isNamed(v) && Object.values(v).every(metric)).pipe(
    ownNames,
  ),
});

/** A loss: its declaration names sequences of its shape, and each example's loss is a finite value of the tape. */
export function checkedLoss(loss: Loss, maker: Maker): Loss {
  maker.checkMade(loss, made);
  checkSequences(loss, maker);
  checkMeasures(loss, maker);
  const { batch, carried, summarize, tokenWeights } = loss;
  if (carried && !batch) {
    maker.refuse(
      "Cannot use carried without batch() as what is carried reaches the formula through batch(rows, carried) alone: add it, or leave carried out",
    );
  }
  return replacing(loss, {
    loss: (inputs) => checkedOutputs(loss, maker, inputs),
    carried: carried && checkedCarried(loss, carried, maker),
    batch: batch && ((rows, carried) => {
      const found = maker.checked(
        "batch()",
        namedNumbers,
        () => batch.call(loss, guardedRows(loss, rows), frozenCopy(carried)),
      );
      if (areFinite(rows)) maker.check("batch()", found, finite);
      return found;
    }),
    tokenWeights: tokenWeights &&
      ((tokens) =>
        maker.checked("tokenWeights()", weights, () => tokenWeights.call(loss, guardedTokens(tokens)))),
    summarize: summarize &&
      ((means) =>
        maker.checked("summarize()", namedNumbers.pipe(ownNames), () => summarize.call(loss, means))),
  });
}

/** Makes sure that what is measured of sequences and labels goes together, and reaches something. */
function checkMeasures(
  { measure, needsReference, normalize, tokenWeights, labelMeasure }: Loss,
  maker: Maker,
): void {
  if (
    measure === "value" && (needsReference || normalize !== "examples" || tokenWeights || labelMeasure)
  ) {
    maker.refuse(
      "Cannot use measure: value as values have no reference, are one a sequence, and are normalised by examples: set needsReference: false and normalize: " +
        "examples, and leave tokenWeights and labelMeasure out",
    );
  }
  if (labelMeasure === "top_entropy" && !tokenWeights) {
    maker.refuse(
      "Cannot use labelMeasure: top_entropy without tokenWeights() as entropies reach nothing else: add it, or leave labelMeasure out",
    );
  }
}

/** Makes sure that each sequence is of prompts and answers that examples of the loss's shape have. */
function checkSequences({ shape, sequences }: Loss, maker: Maker): void {
  const { prompts, answers } = SHAPE_PARTS[shape];
  const known = shape === "kto" ? [...answers, "kl"] : answers;
  for (const [name, [prompt, answer]] of Object.entries(sequences)) {
    const isPrompt = prompt === "" ? shape === "text" : prompts.includes(prompt);
    if (isPrompt && known.includes(answer)) continue;
    maker.refuse(
      `Cannot use sequence ${name} as shape ${shape} has the prompts ${
        prompts.join(", ") || '""'
      } and the answers ${known.join(", ")}: current value is ["${prompt}", "${answer}"]`,
    );
  }
}

function checkedOutputs(loss: Loss, maker: Maker, inputs: LossInputs): LossOutputs {
  const outputs = maker.checked("loss()", lossOutputs, () => loss.loss(guardedInputs(loss, inputs)));
  if (!Number.isFinite(outputs.loss.value) && isFinite(inputs)) {
    maker.refuse(
      `Cannot learn from loss() as a finite number is needed: current value is ${outputs.loss.value} of policy ${
        JSON.stringify(inputs.policy, (_, v) => v instanceof Scalar ? v.value : v)
      }`,
    );
  }
  return outputs;
}

function checkedCarried(
  loss: Loss,
  carried: NonNullable<Loss["carried"]>,
  maker: Maker,
): NonNullable<Loss["carried"]> {
  return {
    initial: frozenCopy(carried.initial),
    next(before, rows) {
      const found = maker.checked(
        "carried.next()",
        namedNumbers,
        () => carried.next(frozenCopy(before), guardedRows(loss, rows)),
      );
      maker.check("carried.next()", found, namesOf(carried.initial));
      if (areFinite(rows)) maker.check("carried.next()", found, finite);
      return found;
    },
  };
}

function isCarriedOrNothing(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isNamed(value)) return false;
  const { initial, next } = value;
  return isNamed(initial) && Object.values(initial).every(Number.isFinite) && typeof next === "function";
}

/** A map of exactly these names: others would be lost where a run goes on from a checkpoint. */
function namesOf(initial: CarriedValues) {
  const names = Object.keys(initial).toSorted();
  return needed(
    `a map of the names of carried.initial (${names.join(", ")})`,
    (v) => Object.keys(v as object).toSorted().join("\n") === names.join("\n"),
  );
}

function areFinite(rows: readonly Pick<MicroBatchRow<string, boolean>, "policy" | "reference">[]): boolean {
  return rows.every(({ policy, reference }) =>
    [...Object.values(policy), ...Object.values(reference)].every(Number.isFinite)
  );
}

const weights = needed(
  "a map of sequences' names to Float64Arrays",
  (v) => isNamed(v) && Object.values(v).every((each) => each instanceof Float64Array),
);

const finite = needed(
  "a map of names to finite numbers",
  (v) => Object.values(v as object).every(Number.isFinite),
);

function isSequences(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const pairs = Object.values(value);
  return pairs.length > 0 &&
    pairs.every((pair) =>
      Array.isArray(pair) && pair.length === 2 && pair.every((name) => typeof name === "string")
    );
}

function isFinite({ policy, reference, divergence, batch }: LossInputs): boolean {
  return [...Object.values(policy), ...Object.values(reference), ...Object.values(divergence)].every((
    { value },
  ) => Number.isFinite(value)) &&
    Object.values(batch).every(Number.isFinite);
}
