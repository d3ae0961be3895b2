/**
 * Disk and memory that an export takes, known from shapes before anything is read.
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { ggufName, ggufTensorBytes } from "../../formats/gguf/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import type { ExportConfig, ExportDtype } from "./config.ts";
import { architectureOf } from "./gguf.ts";
import { ggufEncodingOf } from "./gguf_types.ts";
import { anglePlaces } from "./onnx/weights.ts";
import type { ExportSource } from "./source/source.ts";

/** Sizes, all in bytes. */
export interface ExportEstimate {
  /** Of all weights as they are written. */
  disk: number;
  /** At most, while writing and checking: what grows with the model, not the program itself (some 200 MB). */
  memory: number;
}

/** Bytes per weight; blocks with their scale. */
const WIDTH: Readonly<Record<ExportDtype, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  q8_0: 34 / 32,
  q6_k: 210 / 256,
  q5_k_m: 176 / 256,
  q5_k_s: 176 / 256,
  q4_k_m: 144 / 256,
  q4_k_s: 144 / 256,
  q4_0: 18 / 32,
};

/** Bytes that a weight takes more where the scale of its block is float32 and not float16. */
const WIDER_SCALE = 2 / 32;

/** Disk and memory that writing `config.export_format` as `dtype` takes. */
export function estimateExport(
  { export_format: format, export_check: check }: Pick<ExportConfig, "export_format" | "export_check">,
  { decoder, shapes, adapters, beside }: Pick<ExportSource, "decoder" | "shapes" | "adapters" | "beside">,
  dtype: ExportDtype,
): ExportEstimate {
  const written = format === "safetensors" ? [...shapes, ...beside ?? []] : [...shapes];
  const counts = written.map(([name, shape]) => [name, shape.reduce((a, b) => a * b, 1)] as const);
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  const largest = Math.max(...counts.map(([, count]) => count));
  const lora = adapters.flatMap(({ modules }) => [...modules.values()])
    .reduce((sum, { a, b }) => sum + a.length + b.length, 0);
  const layer = counts.filter(([name]) => name.startsWith("model.layers.0."))
    .reduce((sum, [, count]) => sum + count, 0);
  // with q4_0 embedding and output are in 8 bits
  const outer = counts.filter(([name]) => /^(lm_head|model\.embed_tokens)\./.test(name)).reduce(
    (sum, [, n]) => sum + n,
    0,
  );
  const blocked = (width: ExportDtype) =>
    WIDTH[width] + (format === "onnx" && /^q/.test(width) ? WIDER_SCALE : 0);
  const angles = format === "onnx" ? anglePlaces(decoder) * decoder.inverseFrequencies.length * 2 * 4 : 0;
  const model = format === "gguf"
    ? ggufBytes(decoder, shapes, dtype)
    : all * blocked(dtype) + (dtype === "q4_0" ? outer * (WIDTH.q8_0 - WIDTH.q4_0) : 0) + angles;
  const disk = format === "gguf-adapter" ? lora * WIDTH[dtype] : model;
  // one tensor in float32 with its reordered or converted copy; the check holds a layer, or the head, at a time
  const writing = 2 * largest * 4;
  const layered = (layer + 2 * largest) * 4;
  // ONNX Runtime has the file mapped, and the matrices that it rearranges for its products beside it
  const checking = !check ? 0 : format === "onnx" ? Math.max(layered, 2 * model) : layered;
  const logits = check ? 2 * decoder.vocabSize * PROMPT_TOKENS * 4 : 0;
  return { disk, memory: lora * 4 + Math.max(writing, checking + logits) };
}

function ggufBytes(decoder: DecoderConfig, shapes: ExportSource["shapes"], dtype: ExportDtype): number {
  const { numHeads, numKeyValueHeads } = decoder, architecture = architectureOf(decoder);
  return [...shapes].reduce((sum, [name, shape]) => {
    const { name: target } = ggufName(name, architecture, numHeads, numKeyValueHeads);
    return sum +
      ggufTensorBytes({ name: target, shape, encoding: ggufEncodingOf(target, shape, dtype, decoder) });
  }, 0);
}

/** About as many as the prompt of the check has. */
const PROMPT_TOKENS = 32;

/** The number type of least width by format. */
const NARROWEST: Readonly<Record<ExportConfig["export_format"], ExportDtype>> = {
  safetensors: "bfloat16",
  gguf: "q4_0",
  "gguf-adapter": "bfloat16",
  onnx: "q4_0",
};

/** Free bytes. */
export interface FreeSpace {
  /** Of the folder's disk. */
  disk(folder: string): number;
  /** Of the machine. */
  memory(): number;
}

const machine: FreeSpace = {
  disk(folder) {
    while (!exists(folder)) folder = dirname(folder);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  },
  memory: () => Deno.systemMemoryInfo().available,
};

/** Bytes that must be free for a file of so many: tokenizer, headers, and what the file system itself needs come on top. */
function diskNeeded(disk: number): number {
  return 1.01 * disk + 32e6;
}

/** Words for the disk and the memory that an export takes, in the figures that {@linkcode checkFits} asks for. */
export function spaceText({ disk, memory }: ExportEstimate): string {
  return `${gigabytes(disk)} of weights (${gigabytes(diskNeeded(disk))} of disk must be free), ` +
    `${gigabytes(memory)} of memory beside the program`;
}

/**
 * Makes sure that an export fits.
 * @param dtype Of its weights: only a narrower one is advised
 * @throws {RangeError} If disk or memory are too small: says what to do
 */
export function checkFits(
  { disk, memory }: ExportEstimate,
  { export_dir: folder, export_format: format, export_check: check }: Pick<
    ExportConfig,
    "export_dir" | "export_format" | "export_check"
  >,
  dtype: ExportDtype,
  free: FreeSpace = machine,
): void {
  const space = free.disk(folder), left = free.memory();
  const needed = diskNeeded(disk);
  if (space < needed) {
    const narrow = NARROWEST[format];
    const advice = WIDTH[narrow] < WIDTH[dtype] ? `, or export_dtype: ${narrow}` : "";
    throw new RangeError(
      `Cannot export into ${folder} as ${gigabytes(needed)} of disk are needed: current value is ${
        gigabytes(space)
      } free; choose an export_dir on another disk${advice}`,
    );
  }
  if (left < memory) {
    throw new RangeError(
      `Cannot export as ${gigabytes(memory)} of memory are needed: current value is ${
        gigabytes(left)
      } available; ` +
        `close other programs${check ? ", or set export_check: false" : ""}`,
    );
  }
}

/** `1.25 GB`, `350 MB`, `12 kB`. */
export function gigabytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(0)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
