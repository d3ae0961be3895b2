/**
 * The hash of an adapter's files, for records of what a run was made of.
 * @module
 */
import { join } from "@std/path";

import { fingerprint } from "../hf_model/hash.ts";

/** Hash of configuration and weights in an adapter's folder, see {@linkcode fingerprint}. */
export function adapterHash(directory: string): string {
  const files = ["adapter_config.json", "adapter_model.safetensors"];
  return fingerprint(files.map((name) => ({ path: join(directory, name), headerBytes: 1 << 16 })));
}
