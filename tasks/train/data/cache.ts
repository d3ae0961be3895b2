/**
 * Encoded data on disk, under a key of everything that decides them; shared by all runs.
 * @module
 */
import { join } from "@std/path";
import { createHash } from "node:crypto";

import { item, valueOf } from "../../../formats/elements.ts";
import { AtomicFile } from "../../../formats/atomic.ts";
import { cacheFolder } from "../../../formats/cache_folder.ts";
import type { DataOptions, LoadInputs, StoredExamples } from "./load_inputs.ts";
import type { DataSet } from "./sets/sets.ts";
import type { StoredBlock, StoredExample } from "./encoding/store.ts";
import { productIdentity } from "../../../plugins/kinds/product_identity.ts";

/** Changes when the same input would be encoded otherwise, or the file's layout changes. */
const CODE_VERSION = 6;
/** Keys that decide about data; `dataset` and `dataset_dir` do so by the files that they name. */
const DECIDING = [
  ...[
    "cutoff_len",
    "train_on_prompt",
    "mask_history",
    "predict_with_generate",
    "mix_strategy",
    "interleave_probs",
    "max_samples",
  ] as const,
  ...["val_size", "packing", "neat_packing", "truncation", "split_special_tokens", "seed"] as const,
  "eval_on_each_dataset",
] satisfies (keyof DataOptions)[];
const MAGIC = "dinotune-data";

/** Key of a run's data: SHA-256 over files, tokenizer, template, loss, options and code version. */
export function cacheKey(inputs: LoadInputs, sets: readonly DataSet[]): string {
  const { options, loss, tokenizer } = inputs;
  return createHash("sha256").update(JSON.stringify([
    [CODE_VERSION, options.dataset.length],
    sets.map((
      set,
    ) => [set.entry, set.formatting, set.converters, set.files.map((file) => [file, fileHash(file)])]),
    [
      loss.shape,
      loss.sequences,
      tokenizer.hash,
      tokenizer.eosId,
      inputs.template && productIdentity(inputs.template),
      DECIDING.map((name) => options[name]),
    ],
  ])).digest("hex");
}

/** Where data of a key lie: in `directory`, else in the folder of {@linkcode cacheFolder}. */
export function cachePath(directory: string | null, key: string): string {
  return join(directory ?? join(cacheFolder(), "data"), `${key}.bin`);
}

interface Header {
  magic: string;
  /** SHA-256 over the header, this field empty, and what follows it. */
  sha256: string;
  hash: string;
  report: StoredExamples["report"];
  files: string[];
  /** Lengths of ids, layout and starts of each block. */
  blocks: [number, number, number][];
  train: number;
  evaluation: number;
  evaluationCounts: number[] | null;
}

/** Reads cached data; null when there are none, or they are damaged (then they are made again). */
export function readCache(path: string): StoredExamples | null {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Header;
    const numbers = bytes.subarray(4 + length);
    if (header.magic !== MAGIC || sumOf(header, [numbers]) !== header.sha256) return null;
    let offset = 4 + length;
    const take = (count: number) => {
      const array = new Int32Array(bytes.buffer, offset, count);
      offset += count * 4;
      return array;
    };
    const blocks = header.blocks.map(([ids, layout, starts]): StoredBlock => ({
      ids: take(ids),
      layout: take(layout),
      starts: take(starts),
    }));
    const list = (count: number): StoredExample[] => {
      const rows = take(count * 5);
      return Array.from({ length: count }, (_, i) => {
        const [block, index, file, row, desirable] = rows.subarray(i * 5);
        return {
          block: item(blocks, block!),
          index: index!,
          source: { file: item(header.files, file!), row: row! },
          ...(desirable !== -1 && { desirable: desirable === 1 }),
        };
      });
    };
    return {
      train: list(header.train),
      evaluation: list(header.evaluation),
      evaluationCounts: header.evaluationCounts,
      report: header.report,
      hash: header.hash,
    };
  } catch {
    return null;
  }
}

/** Writes data, whole or not at all. A cache that can't be written is no reason to stop: gives back what to tell. */
export function writeCache(path: string, stored: StoredExamples): string[] {
  const blocks = new Map<StoredBlock, number>();
  const files = new Map<string, number>();
  const number = <T>(map: Map<T, number>, key: T) => {
    if (!map.has(key)) map.set(key, map.size);
    return valueOf(map, key);
  };
  const list = (examples: readonly StoredExample[]) => {
    const rows = new Int32Array(examples.length * 5);
    examples.forEach(({ block, index, source, desirable }, i) => {
      const flag = desirable === undefined ? -1 : Number(desirable);
      rows.set([number(blocks, block), index, number(files, source.file), source.row, flag], i * 5);
    });
    return rows;
  };
  const lists = [list(stored.train), list(stored.evaluation)];
  const arrays = [
    ...[...blocks.keys()].flatMap(({ ids, layout, starts }) => [ids, layout, starts]),
    ...lists,
  ];
  const header: Header = {
    magic: MAGIC,
    sha256: "",
    hash: stored.hash,
    report: stored.report,
    files: [...files.keys()],
    blocks: [...blocks.keys()].map(({ ids, layout, starts }) => [ids.length, layout.length, starts.length]),
    train: stored.train.length,
    evaluation: stored.evaluation.length,
    evaluationCounts: stored.evaluationCounts,
  };
  const text = new TextEncoder().encode(JSON.stringify({ ...header, sha256: sumOf(header, arrays) }));
  const padded = new Uint8Array(4 + Math.ceil(text.length / 4) * 4).fill(32);
  new DataView(padded.buffer).setUint32(0, padded.length - 4, true);
  padded.set(text, 4);
  try {
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    const file = new AtomicFile(path);
    file.write(padded);
    for (const { buffer, byteOffset, byteLength } of arrays) {
      file.write(new Uint8Array(buffer, byteOffset, byteLength));
    }
    file.commit();
    return [];
  } catch (error) {
    return [`encoded data are not cached: ${(error as Error).message}`];
  }
}

function sumOf(header: Header, arrays: readonly (Uint8Array | Int32Array)[]): string {
  const hash = createHash("sha256").update(JSON.stringify({ ...header, sha256: "" }));
  for (const array of arrays) hash.update(array);
  return hash.digest("hex");
}

function fileHash(path: string): string {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(1 << 20);
  const file = Deno.openSync(path);
  try {
    for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    file.close();
  }
  return hash.digest("hex");
}
