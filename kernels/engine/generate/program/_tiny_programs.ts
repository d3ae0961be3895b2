/**
 * Programs of the tiny models, and what their answers are held to.
 * @module
 */
import { openLibrary } from "../../../backends/onnx/c_api/mod.ts";
import { type PackedMatrix } from "../../../../formats/packed/mod.ts";
import { nativeLibrary } from "../../../native/mod.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import type { Outlook } from "../outlook.ts";
import { ProgramEngine, type ProgramEngineOptions } from "./engine.ts";
import { prepareWeights } from "./prepare.ts";

/** ONNX Runtime's library, or why it isn't there. */
export const { library, reason } = openLibrary();
/** For tests that need it: whether they are left out, and the words for their names. */
export const hasNoLibrary = library === null, whyIgnored = hasNoLibrary ? ` (ignored: ${reason})` : "";
/** A tiny model's tensors by name. */
export type TinyWeights = Record<string, Float32Array<ArrayBuffer>>;

/** Reads them by name, the head of a tied model from its embedding. */
export const weightReader = (weights: TinyWeights) => (name: string) =>
  weights[name === "lm_head.weight" && !weights[name] ? "model.embed_tokens.weight" : name]!;

/** A program of a tiny model; 2 threads, as products are split among them. */
export function openTinyProgram(
  config: DecoderConfig,
  weights: TinyWeights,
  bits: 4 | 8 | null = null,
  given: Partial<Pick<ProgramEngineOptions, "agree" | "native">> & {
    packed?: (name: string) => PackedMatrix | null;
  } = {},
): ProgramEngine {
  const folder = Deno.makeTempDirSync(), read = weightReader(weights), width = config.hiddenSize;
  const { packed = () => null, native = nativeLibrary().path, ...rest } = given;
  const prepared = prepareWeights(config, { read, packed }, { bits, folder, native: native !== null });
  const table = read("model.embed_tokens.weight");
  return new ProgramEngine({
    library: library!,
    config,
    prepared,
    folder,
    native,
    threads: 2,
    maxBatch: 4,
    ...rest,
    embed: (ids) => {
      const rows = new Float32Array(ids.length * width);
      Array.from(ids).forEach((id, i) => rows.set(table.subarray(id * width, (id + 1) * width), i * width));
      return rows;
    },
    release: () => Deno.remove(folder, { recursive: true }),
  });
}

/** Ids without a pattern below `vocab`. */
export const tinyPrompt = (count: number, vocab: number, seed = 0) =>
  Array.from({ length: count }, (_, i) => (7 * (i + seed) + i * i + seed) % vocab);

/** Bits of logits, copied, as an outlook is valid until the next run only. */
export const logitBits = ({ logits }: Outlook) => [...new Int32Array(logits!.slice().buffer)];
