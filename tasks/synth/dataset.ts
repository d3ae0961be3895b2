/**
 * The data set's folder: a file a view, `dataset_info.json` in LLaMA-Factory's shape, all that is known of each row in
 * `records.jsonl`, and a card.
 * @module
 */
import { join } from "@std/path";

import { sweepTemporaryFiles, writeFileAtomic } from "../../formats/atomic.ts";
import { exists } from "../../formats/exists.ts";
import { readYaml } from "../../formats/yaml/yaml.ts";
import { cardText } from "./card.ts";
import { type SynthConfig, SynthOptions } from "./config.ts";
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

/** Name and views of a run's data set. */
type Views = Pick<SynthConfig, "name" | "views">;

function viewFile(name: string, view: View): string {
  return `${name}_${view}.jsonl`;
}

/** Name and views of the run that a folder holds, by its run.yaml; null where that doesn't say. */
export function viewsIn(directory: string): Views | null {
  const path = join(directory, "run.yaml");
  if (!exists(path)) return null;
  const value = readYaml(path).value as { synth?: unknown } | null;
  return SynthOptions.pick({ name: true, views: true }).strip().safeParse(value?.synth).data ?? null;
}

/**
 * Removes the views of the run before that this one doesn't write: `dataset_info.json` will name them no more.
 * @returns Names of the files that were there, in the folder of the run
 */
export function removeOtherViews(before: Views | null, { name, views, out_dir }: SynthConfig): string[] {
  const own = new Set(views.map((view) => viewFile(name, view)));
  const others = (before?.views ?? []).map((view) => viewFile(before?.name ?? name, view))
    .filter((file) => !own.has(file)).map((file) => `dataset/${file}`)
    .filter((file) => exists(join(out_dir, file)));
  for (const file of others) Deno.removeSync(join(out_dir, file));
  return others;
}

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
    const records = rows.flatMap((row) => recordsOf(row, view));
    const file = viewFile(config.name, view);
    await write(file, lines(records), `${records.length} records for stage ${view}`);
    entries[`${config.name}_${view}`] = { file_name: file, ...ENTRIES[view] };
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
