/**
 * Evaluation files with damaged keys, values, arguments or text, taken as far as `--dry-run` goes.
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { registryOf } from "../../tasks/common/config/config_file.ts";
import { resolveEvalConfig } from "../../tasks/eval/config/config.ts";
import { planRun } from "../../tasks/eval/plan/plan.ts";
import type { Chooser } from "./chooser.ts";

const model = fileURLToPath(new URL("../../fixtures/constraints/model", import.meta.url));
const openai = { type: "openai", args: { name: "m", api_base: "http://127.0.0.1:1/v1", key: "none" } };

/** Makes a file and reads it; where it is taken, all of its parts and rows too. */
export async function damagedEvaluation(choose: Chooser, folder: string): Promise<void> {
  const row = { id: "1", prompt: "q", constraints: ["a", "b"], groups: { g: "x" } };
  const second = { ...row, id: "2" };
  const rows = [row, choose.chance(0.4) ? choose.mutated(second) : second];
  let lines = rows.map((line) => JSON.stringify(line)).join("\n");
  if (choose.chance(0.1)) lines = choose.damaged(lines);
  Deno.writeTextFileSync(join(folder, "rows.jsonl"), lines);
  const rowsOf = { args: { url: "rows.jsonl" } };
  const base = choose.of<Record<string, unknown>>([
    { type: "rows", dataset: rowsOf, model: openai, evaluator_llm: openai },
    {
      type: "rows",
      dataset: rowsOf,
      model: { type: "local", args: { model } },
      evaluator_llm: [openai, openai],
    },
    { type: "constraints", model: { type: "local", args: { model } } },
    { type: "constraints", model: { ...openai, run_args: { temperature: 0.5, max_tokens: 10, seed: 1 } } },
    {
      type: "rows",
      dataset: rowsOf,
      model: { type: "recorded", args: { path: "rows.jsonl" } },
      judge: openai,
    },
    {
      type: "rows",
      dataset: rowsOf,
      model: openai,
      judge: { type: "panel", args: { judges: [openai, openai] } },
    },
    {
      type: "rows",
      dataset: rowsOf,
      model: openai,
      judge: { type: "rules", args: {} },
      budget: { tokens: 5 },
    },
  ]);
  const settings = {
    ...base,
    out_dir: join(folder, "run"),
    max_samples: 2,
    cache: false,
  };
  const whole = { evaluator: choose.chance(0.85) ? choose.mutated(settings) : settings };
  let text = choose.chance(0.2) ? JSON.stringify(whole) : stringify(whole);
  if (choose.chance(0.25)) text = choose.damaged(text);
  const names = [
    "model.args.name",
    "model.type",
    "judge",
    "model",
    "max_samples",
    "budget.money",
    "args.x",
    "plugins",
  ];
  const overrides = Array.from({ length: choose.chance(0.3) ? 1 : 0 }, () => {
    const argument = `${choose.of(names)}=${String(JSON.stringify(choose.hostile()))}`;
    return choose.chance(0.3) ? choose.damaged(argument) : argument;
  });
  const { config, placeOf } = resolveEvalConfig(parseYaml(text, join(folder, "eval.yaml")), overrides);
  if (config.plugins.length > 0) return; // no code of others runs
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  // a cache of any name would be made in the working folder; one with too long a name isn't
  const isShort = typeof config.cache === "string" && config.cache.length < 255;
  const inFolder = isShort ? { ...config, cache: join(folder, "cache.sqlite") } : config;
  await planRun(inFolder, registry, placeOf, { ping: false, fresh: false });
}
