/**
 * Identity of a synthesis: a run is only continued with the inputs that it began with. `run.yaml` keeps the configuration and hashes of
 * the files that it names.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";
import { z } from "zod";

import { writeFileAtomic } from "../../formats/atomic.ts";
import { exists } from "../../formats/exists.ts";
import { listFiles } from "../../formats/records/read_files.ts";
import { hashOfFile } from "../../formats/records/rows.ts";
import { redactValue } from "../../formats/secrets.ts";
import { readYaml } from "../../formats/yaml/yaml.ts";
import { hashOf } from "../ask/response_cache.ts";
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

/** Hashes of what decides, by key of the configuration. */
export type Identity = Readonly<Record<string, string>>;

/** Short hash of each deciding key: its value, and the contents of the files that it names. */
export function identityOf(config: SynthConfig, prompts: Prompts): Identity {
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
    return [
      key,
      hashOf([Object.hasOwn(files, key) || key === "prompts" ? null : redactValue(value), contents]).slice(
        0,
        16,
      ),
    ];
  }));
}

const Provenance = z.object({ dinotune: z.string(), synth: z.record(z.string(), z.string()) });

/**
 * Refuses to continue another run.
 * @throws {RangeError} If the directory holds a run of other deciding keys, or of something else
 */
export function refuseOther(directory: string, identity: Identity): void {
  const path = join(directory, "run.yaml");
  if (!exists(path)) return;
  const value = readYaml(path).value as { provenance?: unknown } | null;
  const before = Provenance.safeParse(value?.provenance);
  if (!before.success) {
    throw new RangeError(
      `Cannot use ${directory} as the directory of a synthesis: its run.yaml is of something else; choose another out_dir`,
    );
  }
  const old = before.data.synth;
  const differ = [...new Set([...Object.keys(old), ...Object.keys(identity)])].filter((key) =>
    old[key] !== identity[key]
  );
  if (differ.length === 0) return;
  throw new RangeError(
    `Cannot continue ${directory} as it needs the same ${differ.join(", ")}: current value is another one; ` +
      "choose another out_dir, or set overwrite: true, which removes what is there",
  );
}

/** Writes `run.yaml`. */
export async function writeRun(config: SynthConfig, identity: Identity, version: string): Promise<void> {
  const text = stringify(
    redactValue({
      synth: { ...config, overwrite: false },
      provenance: { dinotune: version, synth: identity },
    }),
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
  const path = join(config.out_dir, "run.yaml");
  await writeFileAtomic(
    path,
    `# deno task synth ${path} continues this run, or writes its files again\n${text}`,
  );
}
