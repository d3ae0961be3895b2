/**
 * Output folders that are continued only as what they were: `run.yaml` keeps a run's configuration and a hash of each key that decides
 * about its result.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";
import { z } from "zod";

import { writeFileAtomicSync } from "../../../formats/atomic.ts";
import { exists } from "../../../formats/exists.ts";
import { redactValue } from "../../../formats/secrets.ts";
import { readYaml } from "../../../formats/yaml/yaml.ts";
import { shellQuote } from "../process/command.ts";

/** Short hashes of what decides, by key of the configuration. */
export type RunIdentity = Readonly<Record<string, string>>;

/** A kind of run. */
export interface RunKind {
  /** Key above its configuration, such as `synth`; the verb too. */
  key: string;
  /** In messages, such as `a synthesis`. */
  noun: string;
  /** In messages: a way beside another out_dir, such as `remove that folder`. */
  remedy: string;
  /** In run.yaml: the effect of giving it to the verb again. */
  again: string;
}

/** A run in its folder. */
export interface RunClaim {
  /** Output folder. */
  directory: string;
  /** Kind of run. */
  kind: RunKind;
  /** Its configuration, as the verb reads it again. */
  config: object;
  /** Its deciding keys. */
  identity: RunIdentity;
}

/**
 * Refuses to continue another run.
 * @throws {RangeError} If the folder holds a run of other deciding keys, or a run.yaml of something else
 */
export function refuseOtherIdentity(
  { directory, kind: { key, noun, remedy }, config, identity }: RunClaim,
): void {
  const path = join(directory, "run.yaml");
  if (!exists(path)) return;
  const value = readYaml(path).value as { provenance?: Record<string, unknown> } | null;
  const before = z.record(z.string(), z.string()).safeParse(value?.provenance?.[key]);
  if (!before.success) {
    throw new RangeError(
      `Cannot use ${directory} as the directory of ${noun}: its run.yaml is of something else; choose another out_dir`,
    );
  }
  const differ = [...new Set([...Object.keys(before.data), ...Object.keys(identity)])].filter((name) =>
    before.data[name] !== identity[name]
  );
  if (differ.length === 0) return;
  const told = (values: unknown, name: string) => {
    const value: unknown = Object(values)[name];
    // files count by their contents, and of them and of longer settings a value would say nothing
    return ["number", "boolean"].includes(typeof value) ? String(value) : null;
  };
  const needed = differ.map((name) => {
    const written = told(Object(value)[key], name);
    return written === null ? name : `${name} (${written})`;
  });
  const current = differ.map((name) => told(config, name) ?? "another one");
  throw new RangeError(
    `Cannot continue ${directory} as it needs the same ${needed.join(", ")}: current value is ${
      current.join(", ")
    }; ` +
      `choose another out_dir, or ${remedy}`,
  );
}

/**
 * Writes `run.yaml`, keys and tokens redacted.
 * @param version Of this project
 */
export function writeRunIdentity(
  { directory, kind: { key, again }, config, identity }: RunClaim,
  version: string,
): void {
  const path = join(directory, "run.yaml");
  const text = stringify(
    redactValue({ [key]: config, provenance: { dinotune: version, [key]: identity } }),
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
  writeFileAtomicSync(path, `# deno task ${key} ${shellQuote(path)} ${again}\n${text}`);
}
