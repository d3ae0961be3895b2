/**
 * Refuses another model or judge for a stage that asks none: its reports would be of the stored ones, and run.yaml would name the other.
 * @module
 */
import { isDeepStrictEqual } from "node:util";

import { join } from "@std/path";

import { type EvalConfig, readEvalConfig } from "../config/config.ts";
import type { Parties } from "./parties.ts";
import type { EvalStage } from "./stages.ts";

/** Options of endpoints that say how, and not who, is asked. */
const HOW: ReadonlySet<string> = new Set([
  "prices",
  "timeout",
  "max_bytes",
  "key",
  "api_key",
  "api_key_env",
  "stream",
]);

/**
 * Compares model and judge with those of the run that the folder holds, where this start doesn't ask them.
 * @throws {RangeError} If one is another
 */
export function refuseUnasked(
  config: EvalConfig,
  { before }: Pick<Parties, "before">,
  does: (stage: EvalStage) => boolean,
): void {
  if (before === null || does("generate")) return;
  const earlier = readEvalConfig(join(config.out_dir, "run.yaml")).config;
  if (!isDeepStrictEqual(who(config.model), who(earlier.model))) {
    throw new RangeError(
      `Cannot judge, score or report ${config.out_dir} with another model: its answers are of ${before.model}, and this stage ` +
        "asks none; leave model as it is in run.yaml, or evaluate the other one into another out_dir",
    );
  }
  if (does("judge") || before.judge === "") return;
  const [now, then] = [config, earlier].map(({ judge, evaluator_llm }) => who([judge, evaluator_llm]));
  if (isDeepStrictEqual(now, then)) return;
  throw new RangeError(
    `Cannot score or report ${config.out_dir} with another judge: its verdicts are of ${before.judged_by}, and this stage asks ` +
      "none; leave the judge as it is in run.yaml, or use --rejudge, which asks the other one",
  );
}

/** A specification without what says how it is asked. */
function who(spec: unknown): unknown {
  if (Array.isArray(spec)) return spec.map(who);
  if (typeof spec !== "object" || spec === null) return spec;
  return Object.fromEntries(
    Object.entries(spec).filter(([key, value]) => !HOW.has(key) && value !== undefined)
      .map(([key, value]) => [key, who(value)]),
  );
}
