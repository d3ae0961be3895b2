/**
 * Files of a model and its adapters: where they lie, and hashes by which answers are kept.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { fingerprint } from "../../../formats/hf_model/hash.ts";
import { resolveAdapter, type ResolveOptions } from "../../../formats/hub/mod.ts";
import type { LocalOptions } from "./options.ts";

/** Where adapters lie. */
export interface AdapterFolders {
  /** The one that the model is opened with. */
  adapter: string | null;
  /** Those that requests choose by name. */
  adapters: Record<string, string>;
}

/**
 * Finds the adapters' folders; those of the hub are downloaded.
 * @throws {RangeError} If one isn't there
 */
export async function adapterFolders(
  { adapter, adapters }: Pick<LocalOptions, "adapter" | "adapters">,
  hub: ResolveOptions,
): Promise<AdapterFolders> {
  const folders: AdapterFolders = { adapter: adapter && await resolveAdapter(adapter, hub), adapters: {} };
  for (const [name, path] of Object.entries(adapters)) {
    folders.adapters[name] = await resolveAdapter(path, hub);
  }
  return folders;
}

/** Hashes of the adapters' files; of those that aren't here yet, their names. */
export function adapterIdentity(
  { adapter, adapters }: Pick<LocalOptions, "adapter" | "adapters">,
  there: AdapterFolders | null,
): Record<string, unknown> {
  const hashOf = (named: string, folder = named) => exists(folder) ? decisiveHash(folder) : named;
  return {
    adapter: adapter === null ? null : hashOf(adapter, there?.adapter ?? adapter),
    adapters: Object.entries(adapters).map(([name, path]) => [name, hashOf(path, there?.adapters[name])]),
  };
}

/** Files that decide about answers. */
const DECISIVE =
  /\.(safetensors|gguf|jinja)$|^(config|adapter_config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json$/;

/** Hash of a model's or adapter's files. */
export function decisiveHash(path: string): string {
  const names = Deno.statSync(path).isFile
    ? [path]
    : [...Deno.readDirSync(path)].filter((e) => e.isFile && DECISIVE.test(e.name)).map((e) =>
      join(path, e.name)
    );
  return fingerprint(names.sort().map((name) => ({ path: name, headerBytes: 1 << 16 })));
}
