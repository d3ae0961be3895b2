/**
 * `run.yaml` of a replication: its configuration and hashes of its files, so that it is continued only as what it was.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";
import { z } from "zod";

import { writeFileAtomic } from "../../formats/atomic.ts";
import { exists } from "../../formats/exists.ts";
import { hashOfFile } from "../../formats/records/rows.ts";
import { redactValue } from "../../formats/secrets.ts";
import { readYaml } from "../../formats/yaml/yaml.ts";
import { VERSION } from "../common/cli.ts";
import { hashOf } from "../ask/response_cache.ts";
import type { ReplicateConfig } from "./config.ts";

/** Keys whose change leaves what is done as it is: more seeds are more trainings. */
const BESIDE: ReadonlySet<string> = new Set(["out_dir", "seeds", "resamples"]);

const Provenance = z.object({ dinotune: z.string(), replicate: z.record(z.string(), z.string()) });

/**
 * Writes `run.yaml`, once it is clear that the folder holds no other replication.
 * @throws {RangeError} If it does
 */
export async function claimFolder(config: ReplicateConfig): Promise<void> {
  const { out_dir: directory } = config;
  const path = join(directory, "run.yaml");
  const identity = identityOf(config);
  if (exists(path)) {
    const value = readYaml(path).value as { provenance?: unknown } | null;
    const before = Provenance.safeParse(value?.provenance);
    if (!before.success) {
      throw new RangeError(
        `Cannot use ${directory} as the directory of a replication: its run.yaml is of something else; choose another out_dir`,
      );
    }
    const old = before.data.replicate;
    const differ = [...new Set([...Object.keys(old), ...Object.keys(identity)])].filter((key) =>
      old[key] !== identity[key]
    );
    if (differ.length > 0) {
      throw new RangeError(
        `Cannot continue ${directory} as it needs the same ${
          differ.join(", ")
        }: current value is another one; ` +
          "choose another out_dir, or remove that folder",
      );
    }
  }
  Deno.mkdirSync(directory, { recursive: true });
  const text = stringify(
    redactValue({ replicate: config, provenance: { dinotune: VERSION, replicate: identity } }),
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
  await writeFileAtomic(
    path,
    `# deno task replicate ${path} continues this replication, or writes its tables again\n${text}`,
  );
}

function identityOf(config: ReplicateConfig): Record<string, string> {
  const files = { records: config.records, test: config.test };
  const keys = Object.entries(config).filter(([key, value]) => !BESIDE.has(key) && value !== undefined);
  return Object.fromEntries(
    keys.map(([key, value]) => {
      const path = Object.hasOwn(files, key) ? files[key as keyof typeof files] : undefined;
      return [key, path === undefined ? hashOf(value).slice(0, 16) : hashOfFile(path, key).slice(0, 16)];
    }),
  );
}
