/**
 * Parts that a run was made of, looked at before it is repeated or continued: other data, weights or plugins would make another run of it.
 * @module
 */
import { join } from "@std/path";

import { readYaml } from "../../formats/yaml/yaml.ts";
import {
  diffPlugins,
  diffProvenance,
  type Provenance,
  readProvenance,
  type UsedPlugin,
} from "./config/mod.ts";

/**
 * Holds what a run.yaml was made of against what it would be made of now.
 * @param file The run.yaml
 * @throws {RangeError} If they differ: names each difference
 */
export function checkProvenance(before: Provenance, now: Provenance, file: string): void {
  const changes = diffProvenance(before, now);
  if (changes.length === 0) return;
  throw new RangeError(
    `Cannot repeat ${file} as what it was made of has changed:\n  ${changes.join("\n  ")}\n` +
      "set allow_changes=true to run it nevertheless",
  );
}

/**
 * Holds the plugins of the run that a checkpoint is of against today's. The checkpoint says nothing of them; the run.yaml beside
 * it does.
 * @param directory The run's folder
 * @throws {RangeError} If they differ: names each difference
 */
export function refuseChangedPlugins(
  now: UsedPlugin[],
  directory: string,
  say: (line: string) => void,
): void {
  const path = join(directory, "run.yaml");
  let value: unknown;
  try {
    ({ value } = readYaml(path));
  } catch {
    return say(
      `note: ${path} can't be read, so whether plugins have changed since the checkpoint isn't known`,
    );
  }
  const { provenance } = value as { provenance?: unknown };
  const before = readProvenance(provenance, path);
  const changes = before === null ? [] : diffPlugins(before.plugins, now);
  if (changes.length === 0) return;
  throw new RangeError(
    `Cannot resume in ${directory} as plugins have changed since the checkpoint:\n  ${
      changes.join("\n  ")
    }\nset allow_changes=true to continue with them`,
  );
}
