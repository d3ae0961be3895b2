/**
 * Identity of a replication: it is continued only as what it was, whatever is in the files that it names.
 * @module
 */
import { hashOfFile } from "../../formats/records/rows.ts";
import { hashOf } from "../ask/response_cache.ts";
import { VERSION } from "../common/version.ts";
import {
  refuseOtherIdentity,
  type RunClaim,
  type RunIdentity,
  type RunKind,
  writeRunIdentity,
} from "../common/folders/run_identity.ts";
import type { ReplicateConfig } from "./config.ts";

/** Keys whose change leaves what is done as it is: more seeds are more trainings. */
const BESIDE: ReadonlySet<string> = new Set(["out_dir", "seeds", "resamples", "takes"]);

const KIND: RunKind = {
  key: "replicate",
  noun: "a replication",
  remedy: "remove that folder",
  again: "continues this replication, or writes its tables again",
};

/**
 * Writes `run.yaml` into a folder that is there, once it is clear that it holds no other replication.
 * @throws {RangeError} If it does
 */
export function claimFolder(config: ReplicateConfig): void {
  checkReplicationFolder(config);
  writeRunIdentity(claimOf(config), VERSION);
}

/** @throws {RangeError} If the folder holds another replication, or a run of something else */
export function checkReplicationFolder(config: ReplicateConfig): void {
  refuseOtherIdentity(claimOf(config));
}

function claimOf(config: ReplicateConfig): RunClaim {
  return { directory: config.out_dir, kind: KIND, config, identity: identityOf(config) };
}

function identityOf(config: ReplicateConfig): RunIdentity {
  const files = { records: config.records, test: config.test };
  const keys = Object.entries(config).filter(([key, value]) => !BESIDE.has(key) && value !== undefined);
  return Object.fromEntries(
    keys.map(([key, value]) => {
      const path = Object.hasOwn(files, key) ? files[key as keyof typeof files] : undefined;
      return [key, path === undefined ? hashOf(value).slice(0, 16) : hashOfFile(path, key).slice(0, 16)];
    }),
  );
}
