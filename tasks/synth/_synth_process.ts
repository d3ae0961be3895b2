/**
 * A synthesis as a process of its own, to be killed: `_synth_process.ts CONFIG.json`.
 * @module
 */
import { Registry } from "../../plugins/registry.ts";
import openai from "../../plugins/endpoints/openai.ts";
import rules from "../../plugins/judges/rules.ts";
import type { SynthConfig } from "./config.ts";
import { synthesize } from "./run.ts";

if (import.meta.main) {
  const config = JSON.parse(Deno.readTextFileSync(Deno.args[0] ?? "")) as SynthConfig;
  const { results } = await synthesize(config, new Registry([openai, rules]));
  console.log(JSON.stringify(results.rows));
}
