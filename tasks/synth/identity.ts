/**
 * Identity of a synthesis: a run is only continued with the inputs that it began with, whatever is in the files that it names.
 * @module
 */
import { listFiles } from "../../formats/records/list_files.ts";
import { hashOfFile } from "../../formats/records/rows.ts";
import { redactValue } from "../../formats/secrets.ts";
import { hashOf } from "../ask/response_cache.ts";
import type { RunClaim, RunIdentity, RunKind } from "../common/folders/run_identity.ts";
import type { SynthConfig } from "./config.ts";
import type { Prompts } from "./prompts.ts";

/** Keys that say how to get somewhere and not where. */
const BESIDE: ReadonlySet<string> = new Set([
  ...[
    "out_dir",
    "overwrite",
    "concurrency",
    "start",
    "max_retries",
    "budget",
    "cache",
    "plugins",
    "license",
    "name",
  ],
]);

/** A synthesis in its folder. */
export function synthClaim(config: SynthConfig, prompts: Prompts): RunClaim {
  return { directory: config.out_dir, kind: SYNTHESIS, config, identity: identityOf(config, prompts) };
}

/** Short hash of each deciding key: its value, and the contents of the files that it names. */
function identityOf(config: SynthConfig, prompts: Prompts): RunIdentity {
  const files: Record<string, string[]> = {
    seeds: [config.seeds.path ?? []].flat(),
    taxonomy: [config.taxonomy ?? []].flat(),
    bank: [config.bank ?? []].flat(),
    exclude: config.exclude,
  };
  const keys = Object.entries(config).filter(([key, value]) => !BESIDE.has(key) && value !== undefined);
  return Object.fromEntries(keys.map(([key, value]) => {
    const contents = key === "prompts"
      ? prompts.hashes
      : listFiles(files[key] ?? [], key).map((path) => hashOfFile(path, key));
    const own = Object.hasOwn(files, key) || key === "prompts" ? null : redactValue(value);
    const column = key === "seeds" && config.seeds.column !== undefined ? [config.seeds.column] : [];
    return [key, hashOf([own, contents, ...column]).slice(0, 16)];
  }));
}

/** A synthesis, as its folder tells it from other runs. */
const SYNTHESIS: RunKind = {
  key: "synth",
  noun: "a synthesis",
  remedy: "set overwrite: true, which removes what is there",
  again: "continues this run, or writes its files again",
};
