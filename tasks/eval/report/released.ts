/**
 * The released result file `{average_score, config, result}`, a row per item.
 * @module
 */
import { isAbsolute, join } from "@std/path";

import { AtomicFile } from "../../../formats/atomic.ts";
import { statOrNull } from "../../../formats/exists.ts";
import { redactValue } from "../../../formats/secrets.ts";
import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import { type EvalConfig, slug } from "../config/config.ts";
import type { EvalProvenance } from "../config/run_yaml.ts";
import type { EvalResults } from "../results/results.ts";
import type { StoredItem, StoredRun } from "../store/stored.ts";
import { fileWriter, type ItemWriter } from "./item_writer.ts";

/** Name of the file: `out_file`, or of benchmark and model in the run directory. */
export function releasedName(
  { config, part, provenance }: Pick<StoredRun, "config" | "part" | "provenance">,
): string {
  return config.out_file ?? nameOf(part.name, provenance.model);
}

/** Removes that file of the run that was in the directory before, where the one that replaces it gives its own another name. */
export function removeReleased(
  before: EvalProvenance | null,
  run: Pick<StoredRun, "config" | "part" | "provenance">,
): void {
  if (before === null) return;
  const name = nameOf(before.benchmark.split(" ", 1)[0]!, before.model);
  const path = join(run.config.out_dir, name);
  if (name !== releasedName(run) && statOrNull(path) !== null) Deno.removeSync(path);
}

function nameOf(benchmark: string, model: string): string {
  return `${slug(benchmark)}_${slug(model)}.json`;
}

function releasedPath(name: string, { out_file, out_dir }: EvalConfig): string {
  return isAbsolute(name) || out_file !== undefined ? name : join(out_dir, name);
}

/** Writes the file in pieces: the list may be larger than memory. */
export function releasedWriter(run: StoredRun, results: EvalResults): ItemWriter {
  const { config } = run;
  const { plugins: _plugins, ...shown } = config;
  const average = results.headline.value === null ? null : 100 * results.headline.value;
  const file = new AtomicFile(releasedPath(releasedName(run), config));
  const head = `{\n  "average_score": ${JSON.stringify(average)},\n  "config": ${
    JSON.stringify(redactValue({ evaluator: shown }))
  },\n  "result": [`;
  let before = "";
  return fileWriter(file, head, "\n  ]\n}\n", (stored, contributions) => {
    const row = `${before}\n    ${JSON.stringify(releasedRow(stored, contributions))}`;
    before = ",";
    return row;
  });
}

/** `matched` is what the row adds to the headline, null when it is unscored. */
function releasedRow(
  { item, answer, response, judged, judgement }: StoredItem,
  [headline]: readonly Contribution[],
): unknown {
  return {
    id: item.id,
    question: item.fields["query"] ?? lastUserText(item.messages),
    constraints: item.constraints.map((c) => c.text),
    generated: response,
    evaluation: judgement?.raw ?? null,
    scores: judgement?.constraints.map((v) => v.score) ?? null,
    matched: headline === undefined || headline.value === null ? null : headline.value / headline.weight,
    prompt_tokens: answer?.completion.promptTokens ?? 0,
    completion_tokens: answer?.completion.completionTokens ?? 0,
    judge_tokens: judged === null ? 0 : judged.promptTokens + judged.completionTokens,
  };
}
