/**
 * What a loss of one's own is given: maps that can't be written to, and that say so where a name is read that they don't have. A
 * value that is missing would only be `undefined`, of which the engine says nothing that leads to the misspelt name.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import type { LabelledTokens, Loss, LossInputs } from "../loss.ts";

type BatchRows = Parameters<NonNullable<Loss["batch"]>>[0];

/** Names that programs, not formulas, look for on any object. */
const ASKED_OF_ALL = ["toJSON", "then"];
/** Parts of a loss's inputs that an example may lack. */
const OPTIONAL = ["desirable", "drawn"];

/** The same inputs, whose maps can't be written to and are asked for no other name than theirs. */
export function guardedInputs(loss: Loss, inputs: LossInputs): LossInputs {
  const parts = {
    ...inputs,
    ...guardedSums(loss, inputs),
    R: underReference("R", loss, inputs.R),
    length: guarded("length", inputs.length),
    divergence: guarded(
      "divergence",
      inputs.divergence,
      loss.labelMeasure === "divergence" ? undefined : 'labelMeasure: "divergence" of the loss',
    ),
    tokens: guarded("tokens", inputs.tokens, loss.perToken ? undefined : "perToken: true of the loss"),
    batch: guarded("batch", inputs.batch, "a name that batch() gives"),
  };
  return guarded("inputs", parts, "a part of a loss's inputs", OPTIONAL);
}

/** Rows of a micro-batch as {@linkcode guardedInputs} gives an example's. */
export function guardedRows(loss: Loss, rows: BatchRows): BatchRows {
  return rows.map((row) =>
    Object.freeze({ ...row, ...guardedSums(loss, row), length: guarded("length", row.length) })
  );
}

/** Copies of an example's tokens: what is written to them changes nothing for who reads them next. */
export function guardedTokens(
  tokens: Readonly<Record<string, LabelledTokens>>,
): Record<string, LabelledTokens> {
  const copies = Object.entries(tokens).map(([name, { logps, positions, measures }]) =>
    [name, { logps: logps.slice(), positions: positions.slice(), measures: measures.slice() }] as const
  );
  return guarded("tokens", Object.fromEntries(copies));
}

function guardedSums<T extends object>(loss: Loss, { policy, reference }: { policy: T; reference: T }) {
  return { policy: guarded("policy", policy), reference: underReference("reference", loss, reference) };
}

function underReference<T extends object>(part: string, loss: Loss, map: T): T {
  return guarded(part, map, loss.needsReference ? undefined : "needsReference: true of the loss");
}

/** A copy of a map. @param optional Names that may be read though they aren't there */
function guarded<T extends object>(
  part: string,
  map: T,
  need = "one of the loss's sequences",
  optional: readonly string[] = [],
): T {
  return new Proxy(Object.freeze({ ...map }), {
    set(target, key, value) {
      // throws, in the engine's own words
      (target as Record<PropertyKey, unknown>)[key] = value;
      return true;
    },
    get(target, key, receiver) {
      if (typeof key === "symbol" || key in target || ASKED_OF_ALL.includes(key) || optional.includes(key)) {
        return Reflect.get(target, key, receiver);
      }
      const known = Object.keys(target);
      throw new TypeError(
        `Cannot read ${part}.${key} as ${need} is needed${didYouMean(key, known)}: known are ${
          known.join(", ") || "none"
        }`,
      );
    },
  });
}
