/**
 * `deno task bench data`: how fast rows become encoded examples, and in how much memory.
 *
 * The rows are made from TRACE's 1,042 instructions (fixtures/trace): row i has one of them as its prompt and others as its
 * answer, up to about 600 tokens. Ids are checked before anything is timed.
 * @module
 */
import { gunzipSync } from "node:zlib";

import { join } from "@std/path";

import { item, lastOf } from "../../formats/elements.ts";
import { ownTemporaryFolder } from "../../formats/own_temporary_folder.ts";
import { loadTokenizer } from "../../formats/tokenizer/mod.ts";
import { defaultDataOptions } from "../train/config/default_data_options.ts";
import { type DataOptions, type LoadedExamples, loadExamples } from "../train/data/mod.ts";
import type { Registry } from "../../plugins/registry.ts";
import { prepareTokenizer } from "../../plugins/kinds/tokenizer/prepare_tokenizer.ts";

/** Options of the bench. */
export interface DataBenchOptions {
  /** Folder or file that the tokenizer is read from. */
  tokenizer: string;
  /** Name of a template; default qwen. */
  template?: string;
  /** Rows; default 119,345, the size of TRACE's training set. */
  rows?: number;
  /** Told how far it is, from 0 to `total`. */
  onProgress?: (phase: string, done: number, total: number) => void;
}

/** Measurements of one data set. */
export interface DataBench {
  /** Rows encoded. */
  rows: number;
  /** Bytes of the file they came from. */
  bytes: number;
  /** Mean tokens of a row. */
  tokensPerRow: number;
  /** Reading, converting, encoding, splitting and writing the cache. */
  seconds: number;
  /** The same from the cache. */
  cachedSeconds: number;
  /** Largest resident memory of the process while encoding, in bytes; seen ten times a second. */
  peakBytes: number;
}

/**
 * Measures encoding.
 * @throws {Error} If an answer doesn't come back from its label ids
 */
export async function benchData(
  registry: Registry,
  { tokenizer: path, template: name = "qwen", rows = 119_345, onProgress = () => {} }: DataBenchOptions,
): Promise<DataBench> {
  const template = registry.create("template", name);
  const { tokenizer } = prepareTokenizer(template, await loadTokenizer(path));
  const own = ownTemporaryFolder("dinotune-bench-data-"), directory = own.path;
  let peakBytes = 0;
  const watch = setInterval(() => peakBytes = Math.max(peakBytes, Deno.memoryUsage().rss), 100);
  const load = async (over: Partial<DataOptions> = {}): Promise<[LoadedExamples, number]> => {
    const start = performance.now();
    const loaded = await loadExamples({
      options: {
        ...defaultDataOptions(),
        ...{ dataset: ["rows"], cutoff_len: 6000, val_size: 0.1 },
        ...{ dataset_dir: directory, data_cache_dir: join(directory, "cache"), ...over },
      },
      registry,
      template,
      tokenizer,
      loss: registry.create("loss", "sft"),
      onProgress,
    });
    return [loaded, (performance.now() - start) / 1000];
  };
  try {
    const texts = readTrace();
    const bytes = writeRows(join(directory, "rows.jsonl"), texts, rows);
    await Deno.writeTextFile(
      join(directory, "dataset_info.json"),
      JSON.stringify({ rows: { file_name: "rows.jsonl" } }),
    );
    const [checked] = await load({
      cutoff_len: 1 << 20,
      max_samples: Math.min(rows, 500),
      val_size: 0,
      overwrite_cache: true,
    });
    for (const { sequences: [sequence], source } of checked.train) {
      const ids = Array.from(sequence!.labels).filter((label) => label !== -100);
      const text = tokenizer.decode(ids, { skipSpecial: true }).trim();
      const expected = row(texts, source.row).output.normalize("NFC").trim();
      if (text.normalize("NFC") !== expected) {
        throw new Error(`Cannot trust the encoding: row ${source.row} comes back as ${text.slice(0, 100)}`);
      }
    }
    peakBytes = 0;
    const [first, seconds] = await load();
    const peak = peakBytes;
    const [second, cachedSeconds] = await load();
    if (first.hash !== second.hash) {
      throw new Error("Cannot trust the cache: its data are not those that were written");
    }
    return {
      rows: first.report.rows,
      bytes,
      tokensPerRow: item(first.report.lengths, 0).mean,
      seconds,
      cachedSeconds,
      peakBytes: peak,
    };
  } finally {
    clearInterval(watch);
    own.release();
  }
}

/** The result as human-readable lines. */
export function dataBenchText(
  { rows, bytes, tokensPerRow, seconds, cachedSeconds, peakBytes }: DataBench,
): string {
  return [
    `rows          ${rows} (${(bytes / 1e6).toFixed(0)} MB, ${tokensPerRow.toFixed(0)} tokens a row)`,
    `encoding      ${seconds.toFixed(1)} s, ${(rows / seconds).toFixed(0)} rows/s, ${
      (rows * tokensPerRow / seconds / 1e6).toFixed(2)
    } million tokens/s`,
    `from cache    ${cachedSeconds.toFixed(1)} s`,
    `peak memory   ${(peakBytes / 1e6).toFixed(0)} MB`,
  ].join("\n");
}

function readTrace(): string[] {
  const packed = Deno.readFileSync(new URL("../../fixtures/trace/trace_eval.jsonl.gz", import.meta.url));
  const lines = new TextDecoder().decode(gunzipSync(packed)).trim().split("\n");
  return lines.map((line) =>
    lastOf((JSON.parse(line) as { messages: { content: string }[] }).messages).content
  );
}

/** Row i: other texts each time, so that no two rows are alike. */
function row(texts: readonly string[], i: number): { instruction: string; input: string; output: string } {
  const round = Math.floor(i / texts.length);
  const text = (k: number) => item(texts, (i + k * (1 + round * 7)) % texts.length);
  return { instruction: text(0), input: "", output: `${text(1)}${text(2)}${text(3)}` };
}

function writeRows(file: string, texts: readonly string[], rows: number): number {
  using out = Deno.openSync(file, { write: true, create: true });
  const encoder = new TextEncoder();
  let bytes = 0;
  for (let from = 0; from < rows; from += 1000) {
    const lines = Array.from(
      { length: Math.min(1000, rows - from) },
      (_, i) => JSON.stringify(row(texts, from + i)) + "\n",
    );
    const bytesOfLines = encoder.encode(lines.join(""));
    for (let written = 0; written < bytesOfLines.length;) {
      written += out.writeSync(bytesOfLines.subarray(written));
    }
    bytes += bytesOfLines.length;
  }
  return bytes;
}
