/**
 * The data set's folder: a file a view, `dataset_info.json` in LLaMA-Factory's shape, all that is known of each row in
 * `records.jsonl`, and a card.
 * @module
 */
import { join } from "@std/path";

import { sweepTemporaryFiles, writeFileAtomic } from "../../formats/atomic.ts";
import { cardText } from "./card.ts";
import type { SynthConfig } from "./config.ts";
import type { Draft } from "./draft.ts";
import type { SynthModels, SynthPlan } from "./open_shop.ts";
import type { Results } from "./results.ts";
import { made } from "./workshop.ts";

/** A view of the rows. */
type View = SynthConfig["views"][number];

/** Entries of dataset_info.json; IOPO's as its authors have it, which LLaMA-Factory with their patch reads too. */
const ENTRIES: Readonly<Record<View, Record<string, unknown>>> = {
  sft: { columns: { prompt: "instruction", response: "output" } },
  dpo: { ranking: true, columns: { prompt: "instruction", chosen: "chosen", rejected: "rejected" } },
  iopo: {
    ranking: true,
    formatting: "sharegpt",
    columns: { messages: "conversations", chosen: "chosen", rejected: "rejected" },
  },
};

/**
 * Writes the folder `dataset` of a run.
 * @param run `rows` in their order
 * @returns Files and what they hold
 */
export async function writeDataset(
  { plan, models, rows, results, version }: {
    plan: SynthPlan;
    models: SynthModels;
    rows: readonly Draft[];
    results: Results;
    version: string;
  },
): Promise<{ name: string; what: string }[]> {
  const { config } = plan.parts;
  const folder = join(config.out_dir, "dataset");
  Deno.mkdirSync(folder, { recursive: true });
  sweepTemporaryFiles(folder);
  const files: { name: string; what: string }[] = [];
  const write = async (name: string, text: string, what: string) => {
    await writeFileAtomic(join(folder, name), text);
    files.push({ name: `dataset/${name}`, what });
  };
  const entries: Record<string, unknown> = {};
  for (const view of config.views) {
    const name = `${config.name}_${view}`;
    const records = rows.flatMap((row) => recordsOf(row, view));
    await write(`${name}.jsonl`, lines(records), `${records.length} records for stage ${view}`);
    entries[name] = { file_name: `${name}.jsonl`, ...ENTRIES[view] };
  }
  await write(
    "dataset_info.json",
    JSON.stringify(entries, null, 2) + "\n",
    "names of the sets, as LLaMA-Factory and we read them",
  );
  await write("records.jsonl", lines(rows.map(wholeRecord)), "constraints, rules and answers of each row");
  await write("README.md", cardText(plan, models, results, version), "card of the data set");
  return files;
}

function lines(records: readonly unknown[]): string {
  return records.map((record) => JSON.stringify(record) + "\n").join("");
}

/** Records of a row; texts only, so that every reader finds the same columns in all of them. */
function recordsOf(row: Draft, view: View): Record<string, unknown>[] {
  const x1 = made(row.x1, "x1"), y1 = made(row.y1, "y1");
  switch (view) {
    case "sft":
      return [{ instruction: x1, output: y1 }];
    case "dpo":
      return [{ instruction: x1, chosen: y1, rejected: made(row.worse, "a worse answer") }];
    case "iopo":
      return [{
        conversations: [{ from: "human", value: x1 }, { from: "human", value: made(row.x2, "x2") }],
        chosen: { from: "gpt", value: y1 },
        rejected: { from: "gpt", value: made(row.y2, "y2") },
      }];
  }
}

function wholeRecord(
  { id, seed, slot, parts, x1, y1, worse, worseOrigin, constraints2, x2, y2 }: Draft,
): Record<string, unknown> {
  return {
    id,
    seed: seed.text,
    source: seed.source,
    description: parts?.description,
    constraints: parts?.constraints,
    input: parts?.input,
    x1,
    y1,
    ...worse !== undefined && { worse, worse_origin: worseOrigin },
    ...x2 !== undefined && { operation: slot.operation, constraints2, x2, y2 },
  };
}
