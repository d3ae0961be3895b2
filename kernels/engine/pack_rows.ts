/**
 * Rows of a pack where the configuration says none: as many as a GPU holds, so that a step is few programs and its products fill
 * the device; on a CPU 1,024, where longer rows cost memory and gain nothing.
 *
 * On an H100 8,192 rows of SmolLM2-135M make a step take 0.53 s where 1,024 take 1.31 to 1.78 s (docs/performance.md).
 * @module
 */
import { entryOf } from "../../formats/elements.ts";
import { differentiate } from "../autodiff.ts";
import type { Backend } from "../backend.ts";
import { peakBytes } from "../backends/webgpu/plan.ts";
import { blockGraph, blockShapes, loraShapes } from "./decoder.ts";
import type { DecoderConfig } from "./decoder_config.ts";
import { hasDropout } from "./body.ts";
import { labelChunkFor } from "./head.ts";
import { loraOfLayer, trainedShapes, type Tuning } from "./parameters.ts";
import { accumulating } from "./programs.ts";

/** Rows on a CPU: enough that products run at full speed, little enough for memory. */
export const DEFAULT_ROWS = 1024;
/** Rows that are tried on a GPU, most first. */
const TRIED_ROWS = [8192, 4096, 2048] as const;
/** Memory beside what is counted: free buffers of other lengths are kept, up to as much again (kernels/backends/webgpu/pool.ts). An H100 was seen to take 1.9 times as much as is counted. */
const SPARE = 2;

/** Most rows of a pack, and the reason in words. */
export interface PackRows {
  rows: number;
  why: string;
}

/** Sizes and choices that decide the memory of a pack. */
export interface PackSettings {
  config: DecoderConfig;
  tuning: Tuning;
  /** Gradient checkpointing. */
  checkpointing: boolean;
}

/**
 * Bytes that one pack of so many rows takes on a GPU beside weights and training state: what blocks keep for their backward pass,
 * the largest block at work, the head, and new sums of gradients.
 */
export function packBytes({ config, tuning, checkpointing }: PackSettings, rows: number): number {
  const sizes = new Map([["T", rows]]), lora = loraOfLayer(tuning, 0);
  const names = tuning.type === "full" ? blockShapes(config) : loraShapes(config, lora);
  const trained = [...names.keys()];
  const graph = blockGraph(config, config.slidingWindow[0] ?? null, lora, hasDropout(tuning));
  const pair = differentiate(graph, ["y"], ["x", ...trained], checkpointing ? "inputs" : "activations");
  const row = 4 * rows * config.hiddenSize;
  const kept = Object.keys(pair.forward.outputs).filter((name) => name !== "y").reduce((sum, name) => {
    const { shape } = entryOf(pair.forward.outputs, name);
    return sum +
      4 * shape.reduce((product: number, size) => product * (size === "T" ? rows : Number(size)), 1);
  }, row);
  const working = Math.max(
    peakBytes(pair.forward, sizes),
    peakBytes(accumulating(pair.backward, trained), sizes),
  );
  const gradients = [...trainedShapes(config, tuning).values()].reduce(
    (sum, shape) => sum + 4 * shape.reduce((a, b) => a * b, 1),
    0,
  );
  // Of the head: rows in and out, a row for each label, and logits of a chunk.
  const head = 3 * row + 12 * labelChunkFor(config.vocabSize) * Math.min(8192, config.vocabSize);
  return SPARE * (config.numLayers * kept + working + head + 2 * gradients);
}

/**
 * The rows of a pack for a device: the most of 8,192, 4,096 and 2,048 whose memory it gives when asked, else 1,024.
 * @param held Bytes of weights and training state that aren't on the device yet
 */
export async function choosePackRows(
  backend: Pick<Backend, "holds"> & Partial<Pick<Backend, "keepsTensors" | "hostMemory">>,
  settings: PackSettings,
  held = 0,
): Promise<PackRows> {
  if (!backend.holds) {
    const cpu = backend.keepsTensors !== false && backend.hostMemory !== false;
    const why = cpu
      ? "longer packs gain nothing on a CPU"
      : "attention holds scores of all rows by all on this device";
    return { rows: DEFAULT_ROWS, why };
  }
  let refused = "";
  for (const rows of TRIED_ROWS) {
    const bytes = held + packBytes(settings, rows),
      need = `${gibibytes(bytes)} that ${grouped(rows)} rows may take`;
    if (await backend.holds(bytes)) {
      return { rows, why: `the GPU has the ${need}${refused && `, but not ${refused}`}` };
    }
    refused = `the ${need}`;
  }
  return { rows: DEFAULT_ROWS, why: `the GPU hasn't ${refused}` };
}

/** The choice as a human-readable line. */
export function packRowsText({ rows, why }: PackRows): string {
  return `at most ${grouped(rows)} rows a pack: ${why} (micro_batch_tokens sets it)`;
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
