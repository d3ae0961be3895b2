/**
 * The comparison of an export's logits with those of its source, before the files are put into the folder.
 * @module
 */
import type { Registry } from "../../plugins/registry.ts";
import type { Progress } from "../train/outputs/mod.ts";
import {
  checkDifference,
  compareLogits,
  differenceText,
  logitsOf,
  logitsOfWritten,
  lossNote,
  promptIds,
  writtenBound,
} from "./check.ts";
import type { ExportConfig, ExportDtype } from "./config.ts";
import { ggufPath } from "./gguf.ts";
import { readWithAdapter } from "./gguf_adapter_check.ts";
import { checkGoesOn } from "./interruptible.ts";
import { onnxLogits } from "./onnx/check.ts";
import { type OnnxDtype, onnxPath } from "./onnx/model.ts";
import { roundedReader } from "./rounding.ts";
import type { ExportSource } from "./source/source.ts";

/** Whom an export tells how far it is, and who may end it. */
export interface Talk {
  say: (line: string) => void;
  progress: Progress;
  signal: AbortSignal | null;
}

/** An export whose files are written. */
export interface WrittenExport {
  config: Pick<ExportConfig, "export_format" | "export_dir">;
  registry: Registry;
  source: ExportSource;
  dtype: ExportDtype;
  /** Of the files. */
  folder: string;
  /** Logits of the fixed prompt by weights that were quantised in memory; null: weights are rounded again, tensor by tensor. */
  quantised: Float32Array | null;
}

/**
 * Compares logits of what was written with those of the merged weights.
 * @returns The largest difference
 * @throws {Error} If what was written computes something else, or the export was interrupted
 */
export async function prove(written: WrittenExport, { say, progress, signal }: Talk): Promise<number> {
  const { config: { export_format: format, export_dir }, source, dtype, quantised } = written;
  const { decoder, tokenizer } = source, ids = promptIds(tokenizer, decoder);
  const rounded = quantised === null ? roundedReader(format, source, dtype) : null,
    layers = (rounded === null ? 2 : 3) * decoder.numLayers;
  let layer = 0;
  const onLayer = () => {
    progress.phase("comparing logits, layers", ++layer, layers);
    checkGoesOn(signal);
  };
  const before = await logitsOf(decoder, source.read, ids, onLayer);
  const expected = rounded === null ? quantised ?? before : await logitsOf(decoder, rounded, ids, onLayer);
  const after = await logitsAfter(written, ids, onLayer);
  progress.stop();
  const difference = compareLogits(before, after, ids.length);
  const faithful = checkDifference(
    compareLogits(expected, after, ids.length),
    writtenBound(format, dtype),
    export_dir,
  );
  say(`Check: logits before and after differ by at most ${differenceText(difference)}`);
  const form = quantised !== null
    ? ", quantised in memory"
    : rounded === null
    ? ""
    : `, rounded to ${dtype} in memory`;
  say(`  beside the merged weights${form}: ${faithful}`);
  const note = lossNote(difference);
  if (note !== null) say(note);
  return difference.largest;
}

async function logitsAfter(
  { config: { export_format: format }, registry, source, dtype, folder }: WrittenExport,
  ids: readonly number[],
  onLayer: () => void,
): Promise<Float32Array> {
  switch (format) {
    case "gguf":
      return await logitsOfWritten(ggufPath(folder, format, dtype), registry, ids, onLayer);
    case "gguf-adapter":
      return await logitsOf(
        source.decoder,
        readWithAdapter(ggufPath(folder, format, dtype), source),
        ids,
        onLayer,
      );
    case "onnx":
      return await onnxLogits(onnxPath(folder, dtype as OnnxDtype), source.decoder, ids, onLayer);
    case "safetensors":
      return await logitsOfWritten(folder, registry, ids, onLayer);
  }
}
