/**
 * Fingerprints: of large files for cache keys, and of a model's configuration.
 * @module
 */
import { createHash } from "node:crypto";

import { RandomAccessFile } from "../random_access.ts";
import type { LoadedModel } from "./loaded_model.ts";

/** Keys of config.json that say who wrote it. */
const WRITERS = new Set(["_name_or_path", "transformers_version"]);

/** Files up to this size, in bytes, are hashed whole. */
const WHOLE = 1 << 26;
const BLOCK = 1 << 16;
const BLOCKS = 128;

/**
 * SHA-256 (hexadecimal) over the given files. One over 64 MiB enters with its size, its first `headerBytes` and 128
 * blocks of 64 KiB spread evenly to its last byte: enough to tell two models apart, not to prove a file intact.
 */
export function fingerprint(files: readonly { path: string; headerBytes: number }[]): string {
  const hash = createHash("sha256");
  for (const { path, headerBytes } of files) {
    const file = new RandomAccessFile(path);
    try {
      hash.update(`${file.size}\n`);
      if (file.size <= WHOLE) {
        hash.update(file.read(0, file.size));
        continue;
      }
      hash.update(file.read(0, headerBytes));
      const span = file.size - headerBytes - BLOCK;
      for (let i = 0; i < BLOCKS && span > 0; i++) {
        hash.update(file.read(headerBytes + Math.floor(span * i / (BLOCKS - 1)), BLOCK));
      }
    } finally {
      file.close();
    }
  }
  return hash.digest("hex");
}

/**
 * SHA-256 (hexadecimal) over a directory's config.json, which `weights.hash()` doesn't cover, but for who wrote it; the order of keys
 * doesn't count. Of a GGUF file, whose weights' hash has its header, that of null.
 */
export function configHash({ format, config }: Pick<LoadedModel, "format" | "config">): string {
  const counted = format === "gguf" ? null : Object.entries(config)
    .filter(([key]) => !WRITERS.has(key))
    .sort(([a], [b]) => a < b ? -1 : 1);
  return createHash("sha256").update(JSON.stringify(counted)).digest("hex");
}
