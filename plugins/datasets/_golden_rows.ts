/**
 * Rows of LLaMA-Factory's goldens, and ours in its form.
 * @module
 */
import { datasetGolden } from "../../tests/helpers/dataset_goldens.ts";
import { openDataSet } from "../../tests/helpers/open_data_set.ts";
import type { Dropped, Example, ExampleShape, Message } from "../kinds/dataset.ts";

export const CASES = datasetGolden("datasets.json").cases;

const SHAPES: Record<string, ExampleShape> = { sft: "single", ppo: "text", rm: "pair", kto: "kto" };

/** Runs a golden case through its plugin. */
// deno-lint-ignore no-explicit-any -- golden
export function convertAll(c: any, options: Record<string, unknown> = {}, shape = SHAPES[c.stage]!) {
  const info = c.dataset_info;
  const { convert, notes } = openDataSet(info.formatting ?? "alpaca", shape, c.rows.flatMap(Object.keys), {
    ranking: info.ranking ?? false,
    columns: info.columns ?? null,
    tags: info.tags ?? null,
    options,
  });
  return { rows: c.rows.map(convert) as (Example | Dropped)[], notes };
}

const lf = (m: Message) => ({ content: m.content, role: m.role === "tool" ? "observation" : m.role });

/** An example as LLaMA-Factory's aligned row. */
export function aligned(example: Example) {
  const empty = { content: "", role: "assistant" };
  const { answers: a, desirable } = example;
  const response = example.shape === "pair"
    ? [lf(a.chosen!), lf(a.rejected!)]
    : example.shape === "kto"
    ? desirable ? [lf(a.y!), empty] : [empty, lf(a.y!)]
    : [lf(a.y!)];
  return {
    _prompt: (example.prompts.x ?? []).map(lf),
    _response: response,
    _system: example.system,
    _tools: example.tools,
  };
}

export const caseNamed = (name: string) => CASES.find((x: { name: string }) => x.name === name);

export const faultOfRow = (row: Example | Dropped) => "reason" in row ? [row.reason, row.field] : row;
