/**
 * `run.yaml` of an evaluation: the whole configuration with every default, and what decided the answers and verdicts. It holds
 * no keys, because no configuration does.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";
import { z } from "zod";

import { writeFileAtomicSync } from "../../../formats/atomic.ts";
import { redactValue } from "../../../formats/secrets.ts";
import { readYaml } from "../../../formats/yaml/yaml.ts";
import { inWords } from "../../../formats/zod_words.ts";
import { shellQuote } from "../../common/process/command.ts";
import type { EvalConfig } from "./config.ts";

/** Provenance of a run. */
export interface EvalProvenance {
  /** Version of this project. */
  dinotune: string;
  /** Name and version of the benchmark. */
  benchmark: string;
  /** Model under test. */
  model: string;
  /** Endpoint plugin and version. */
  endpoint: string;
  /** Commit of the hub's repository that answered; absent where another kind of model did, and in runs of older versions. */
  revision?: string | undefined;
  /** Hash of endpoint, model, address and sampling. */
  answers: string;
  /** Name of the judge. */
  judged_by: string;
  /** Hash of what decides about verdicts; "" before there are any. */
  judge: string;
}

const Schema: z.ZodType<EvalProvenance> = z.strictObject({
  dinotune: z.string(),
  benchmark: z.string(),
  model: z.string(),
  endpoint: z.string(),
  revision: z.string().optional(),
  answers: z.string(),
  judged_by: z.string(),
  judge: z.string(),
});

/** Writes run.yaml into the run directory; `overwrite` is a matter of one start, so that the file continues the run. */
export function writeEvalRunYaml(config: EvalConfig, provenance: EvalProvenance): void {
  const text = stringify(redactValue({ evaluator: { ...config, overwrite: false }, provenance }), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
  writeFileAtomicSync(
    join(config.out_dir, "run.yaml"),
    `# deno task eval ${
      shellQuote(join(config.out_dir, "run.yaml"))
    } continues this run, or shows it again\n${text}`,
  );
}

/**
 * Provenance in a run directory's run.yaml; null when there is none.
 * @throws {RangeError} If the file isn't one of an evaluation
 */
export function readEvalRunYaml(directory: string): EvalProvenance | null {
  const path = join(directory, "run.yaml");
  try {
    Deno.statSync(path);
  } catch {
    return null;
  }
  const value = readYaml(path).value as { provenance?: unknown } | null;
  const parsed = Schema.safeParse(value?.provenance, inWords);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RangeError(
    `Cannot use ${directory} as the directory of an evaluation: its run.yaml is of something else, or damaged ` +
      `(${
        ["provenance", ...issue?.path ?? []].join(".")
      }: ${issue?.message}); restore it, or name another folder`,
  );
}
