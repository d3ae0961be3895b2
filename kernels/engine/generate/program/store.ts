/**
 * Prepared weights on disk: made once for a model, and mapped by every process that opens it later. The index has checksums of itself
 * and of the constants; the latter is computed again only where their file was written to since, so that opening stays quick.
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { join } from "@std/path";
import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import { cacheFolder } from "../../../../formats/cache_folder.ts";
import { exists } from "../../../../formats/exists.ts";
import { item } from "../../../../formats/elements.ts";
import { sealedJson, unsealed } from "../../../../formats/sealed_json.ts";
import { ownTemporaryFolder } from "../../../../formats/own_temporary_folder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { CONSTANTS } from "./constants.ts";
import { type Prepared, PREPARED_VERSION } from "./prepare.ts";

const INDEX = "index.json";

const TEMPORARY_PREFIX = "dinotune-weights-";

/** Bytes of all prepared models that are kept; those that weren't used for longest go. */
const LIMIT = 8 * 2 ** 30;

/** Prepared weights in their folder. */
export interface StoredWeights {
  prepared: Prepared;
  folder: string;
  /** Removes the folder if nothing else is to use it. */
  release(): void;
}

/** Folder of prepared weights: of DINOTUNE_CACHE, else of `dinotune` in XDG_CACHE_HOME or ~/.cache. */
export function preparedFolder(): string {
  return join(cacheFolder(), "weights");
}

/** Name of a model's prepared weights. @param weights Hash of its files. */
export function preparedKey(
  weights: string,
  config: DecoderConfig,
  bits: 4 | 8 | null,
  native: boolean,
): string {
  const parts = [
    PREPARED_VERSION,
    weights,
    { ...config, inverseFrequencies: null, windowRotation: null },
    bits,
    native,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/**
 * Takes prepared weights from the store, or makes them. Where the store can't be written, they are temporary.
 * @param key null: temporary, as for weights that are as large as the model's own.
 */
export function storedWeights(
  root: string,
  key: string | null,
  make: (folder: string) => Prepared,
): StoredWeights {
  const kept = key === null ? null : fromStore(root, key, make);
  if (kept) return { ...kept, release: () => {} };
  const folder = ownTemporaryFolder(TEMPORARY_PREFIX);
  try {
    return { prepared: make(folder.path), folder: folder.path, release: () => folder.release() };
  } catch (error) {
    folder.release();
    throw error;
  }
}

function fromStore(
  root: string,
  key: string,
  make: (folder: string) => Prepared,
): { prepared: Prepared; folder: string } | null {
  const folder = join(root, key), found = readIndex(folder);
  if (found) return { prepared: found, folder };
  let work: string;
  try {
    Deno.mkdirSync(root, { recursive: true });
    work = Deno.makeTempDirSync({ dir: root, prefix: "making-" });
  } catch {
    return null;
  }
  try {
    const prepared = make(work);
    writeIndex(work, { prepared, constants: { sum: sumOf(work), written: writtenAt(work) } });
    try {
      Deno.renameSync(work, folder);
    } catch {
      // Another process was quicker, or what is there is damaged.
      if (readIndex(folder)) Deno.removeSync(work, { recursive: true });
      else {
        Deno.removeSync(folder, { recursive: true });
        Deno.renameSync(work, folder);
      }
    }
    evict(root, key);
    return { prepared, folder };
  } catch (error) {
    if (exists(work)) Deno.removeSync(work, { recursive: true });
    throw error;
  }
}

/** Content of the index. */
interface Index {
  prepared: Prepared;
  /** CRC-32 of the constants' file, and when it was written to, in milliseconds since 1970. */
  constants: { sum: number; written: number };
}

function writeIndex(folder: string, index: Index): void {
  writeFileAtomicSync(join(folder, INDEX), sealedJson(index));
}

function writtenAt(folder: string): number {
  return Deno.statSync(join(folder, CONSTANTS)).mtime?.getTime() ?? 0;
}

/** Of the constants' file, read in pieces of 8 MiB. */
function sumOf(folder: string): number {
  using file = Deno.openSync(join(folder, CONSTANTS));
  const buffer = new Uint8Array(1 << 23);
  let sum = 0;
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    sum = crc32(buffer.subarray(0, count), sum);
  }
  return sum;
}

/** The index of whole prepared weights; null: there are none that can be read. */
function readIndex(folder: string): Prepared | null {
  let index: Index;
  try {
    const { value, isSealed } = unsealed(Deno.readFileSync(join(folder, INDEX)));
    if (!isSealed) return null;
    index = value as Index;
    const places = Object.values(index.prepared.constants).map(({ place }) => place.offset + place.length);
    if (Deno.statSync(join(folder, CONSTANTS)).size !== Math.max(0, ...places)) return null;
    const written = writtenAt(folder);
    if (written !== index.constants.written) {
      if (sumOf(folder) !== index.constants.sum) return null;
      index.constants.written = written;
      try {
        writeIndex(folder, index);
      } catch {
        // a store of others that can only be read is checked each time
      }
    }
  } catch {
    return null;
  }
  const { prepared } = index;
  try {
    const now = new Date();
    Deno.utimeSync(join(folder, INDEX), now, now);
  } catch {
    // A store of others that can only be read counts its uses elsewhere.
  }
  return prepared;
}

/** Removes what wasn't used for longest until the rest fits. */
function evict(root: string, keep: string): void {
  const all = [...Deno.readDirSync(root)].filter(({ isDirectory, name }) => isDirectory && name !== keep)
    .flatMap(({ name }) => {
      try {
        const used = Deno.statSync(join(root, name, INDEX)).mtime?.getTime() ?? 0;
        return [{ name, used, bytes: Deno.statSync(join(root, name, CONSTANTS)).size }];
      } catch {
        // Being made or removed by another process.
        return [];
      }
    }).sort((a, b) => a.used - b.used);
  let sum = all.reduce(
    (bytes, entry) => bytes + entry.bytes,
    Deno.statSync(join(root, keep, CONSTANTS)).size,
  );
  for (let i = 0; sum > LIMIT && i < all.length; i++) {
    Deno.removeSync(join(root, item(all, i).name), { recursive: true });
    sum -= item(all, i).bytes;
  }
}
