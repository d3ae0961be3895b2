/**
 * The files that tasks take when none is named.
 * @module
 */
import { fileURLToPath } from "node:url";

function example(path: string): string {
  return fileURLToPath(new URL(`../../../examples/${path}`, import.meta.url));
}

/** For `deno task train` and `deno task preview`. */
export const DEFAULT_TRAINING: string = example("default_iopo.yaml");

/** For `deno task eval`. */
export const DEFAULT_EVALUATOR: string = example("eval/default.yaml");

/** For `deno task serve` and `deno task chat`. */
export const DEFAULT_MODEL: string = fileURLToPath(
  new URL("../../../fixtures/constraints/model", import.meta.url),
);

/** For `deno task synth`. */
export const DEFAULT_SYNTHESIS: string = example("synth/default.yaml");

/** For `deno task replicate`, by the word that names them. */
export const REPLICATIONS: Readonly<Record<string, string>> = {
  tiny: example("replicate/tiny.yaml"),
  smollm2: example("replicate/smollm2.yaml"),
};
