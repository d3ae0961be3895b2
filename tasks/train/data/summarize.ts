/**
 * Summary of a run's encoded data: counts, lengths, a hash.
 * @module
 */
import { createHash } from "node:crypto";

import { item } from "../../../formats/elements.ts";
import type { LoadInputs, StoredExamples } from "./load_inputs.ts";
import { countLabels } from "./encoding/parts.ts";
import { lengthStatistics, type RowTally, warnings } from "./report/report.ts";
import { partsOf } from "./encoding/store.ts";

/**
 * The report of a run's data.
 * @param more Remarks of the sets
 */
export function summarize(
  inputs: LoadInputs,
  tally: RowTally,
  { train, evaluation }: Pick<StoredExamples, "train" | "evaluation">,
  more: readonly string[],
): StoredExamples["report"] {
  const { options, loss } = inputs;
  const names = Object.keys(loss.sequences);
  const used = options.predict_with_generate ? evaluation : train;
  const lengths = names.map(() => new Int32Array(used.length));
  const labels = names.map(() => 0);
  used.forEach((example, row) =>
    partsOf(example).forEach((all, i) => {
      // of a row whose answer is drawn the rest only holds its place
      const parts = loss.shape === "prompt" ? all.filter(({ kind }) => kind === 0) : all;
      item(lengths, i)[row] = parts.reduce((sum, { ids }) => sum + ids.length, 0);
      labels[i] = item(labels, i) + countLabels(parts);
    })
  );
  const notes = [...more];
  if (tally.leftOutTokens > 0) {
    notes.push(
      `${tally.leftOutTokens} tokens of text fill no block of ${options.cutoff_len} and are left out`,
    );
  }
  return {
    rows: tally.rows,
    train: train.length,
    evaluation: evaluation.length,
    dropped: tally.dropped,
    truncated: tally.truncated,
    lengths: names.map((name, i) => lengthStatistics(name, item(lengths, i), item(labels, i))),
    warnings: warnings(tally, train.length + evaluation.length, options.cutoff_len, options.truncation),
    notes,
  };
}

/** SHA-256 over names, ids and what is learnt of them. */
export function contentHash(
  inputs: Pick<LoadInputs, "loss" | "tokenizer">,
  { train, evaluation }: Pick<StoredExamples, "train" | "evaluation">,
): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([Object.keys(inputs.loss.sequences), inputs.tokenizer.eosId]));
  for (const list of [train, evaluation]) {
    hash.update(Int32Array.of(list.length));
    for (const example of list) {
      for (const parts of partsOf(example)) {
        hash.update(Int32Array.from([parts.length, ...parts.flatMap(({ ids, kind }) => [ids.length, kind])]));
        for (const { ids } of parts) hash.update(ids);
      }
      if (example.desirable !== undefined) hash.update(example.desirable ? "+" : "-");
      if (example.task !== undefined) hash.update(example.task);
    }
  }
  return hash.digest("hex");
}
