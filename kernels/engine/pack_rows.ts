/**
 * Rows of a pack where the configuration says none: as many as a GPU holds, so that a step is few programs and its products fill
 * the device; on a CPU 1,024, where longer rows cost memory and gain nothing.
 *
 * On an H100 8,192 rows of SmolLM2-135M make a step take 0.53 s where 1,024 take 1.31 to 1.78 s (docs/performance_webgpu.md).
 * @module
 */
import { entryOf } from "../../formats/elements.ts";
import { differentiate } from "../autodiff.ts";
import type { Backend } from "../backend.ts";
import { peakBytes } from "../backends/webgpu/programs/without_device.ts";
import { blockGraph } from "./decoder/block_graph.ts";
import { ofLayer, tensorShapes } from "./decoder/decoder.ts";
import { attentionOf, type DecoderConfig } from "./decoder/decoder_config.ts";
import { headGraph } from "./decoder/head_graph.ts";
import { hasDropout, lowestTrained } from "./body/body.ts";
import type { LabelMeasure } from "./forward.ts";
import { labelChunkOn } from "./head/head.ts";
import { loraOfLayer, trainedShapes, type Tuning } from "./weights/tuning.ts";
import { accumulating } from "./programs/compiled.ts";

/** Rows on a CPU: enough that products run at full speed, little enough for memory. */
export const DEFAULT_ROWS = 1024;
/** Rows that are tried on a GPU, most first. */
const TRIED_ROWS = [8192, 4096, 2048] as const;
/** Memory beside what is counted: free buffers of other lengths are kept, up to as much again (kernels/backends/webgpu/device/pool.ts). An H100 was seen to take 1.9 times as much as is counted. */
const SPARE = 2;
/** Packs that are kept at once, most first. */
const TRIED_PACKS = [16, 8, 4, 2] as const;
/**
 * Operations of the forward passes that share a wait, where one has fewer: an H100 takes a second for them, of which the wait's 11 ms are a
 * hundredth. More would take memory, and keep an interruption waiting, for nothing.
 */
const WORTH_A_WAIT = 2e13;

/** Most rows of a pack, and the reason in words. */
export interface PackRows {
  rows: number;
  /** Most rows of packs whose forward passes are handed over before the first of them goes backward: one wait for the device serves all; ≥ `rows`. */
  together: number;
  why: string;
}

/** Sizes and choices that decide the memory of a pack. */
export interface PackSettings {
  config: DecoderConfig;
  tuning: Tuning;
  /** Gradient checkpointing. */
  checkpointing: boolean;
  /** What the loss measures of labels' distributions; absent: nothing. */
  labelMeasure?: LabelMeasure | undefined;
}

/**
 * Bytes that packs of so many rows take on a GPU beside weights and training state: what blocks keep for their backward passes,
 * the largest block at work, the head, and new sums of gradients.
 * @param packs Number of packs that are kept at once
 */
export function packBytes(settings: PackSettings, rows: number, packs = 1): number {
  const { config, tuning, checkpointing, labelMeasure } = settings;
  const sizes = new Map([["T", rows]]), shapes = trainedShapes(config, tuning);
  const { layer, trained } = fullestBlock(shapes.keys(), config), lora = loraOfLayer(config, tuning, layer);
  const graph = blockGraph(config, attentionOf(config, layer), lora, { dropout: hasDropout(tuning) });
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
  const gradients = [...shapes.values()].reduce(
    (sum, shape) => sum + 4 * shape.reduce((a, b) => a * b, 1),
    0,
  );
  const head = row + headBytes(settings, rows);
  const layers = config.numLayers - lowestTrained(shapes.keys(), config.numLayers);
  // of the head: rows in and gradients of labels; of a divergence the reference's rows and gradients of its own, too
  const keptRows = labelMeasure === "divergence" ? 4 : 2;
  return SPARE * (packs * (layers * kept + keptRows * row) + working + head + 2 * gradients);
}

/** Bytes of a chunk of labels at work: logits, or what a value head reads; a measure of distributions has all logits of a smaller chunk in memory. */
function headBytes({ config, tuning, labelMeasure }: PackSettings, rows: number): number {
  const labels = labelChunkOn({ fewSizes: true }, config.vocabSize, { anywhere: labelMeasure !== undefined });
  if (labelMeasure !== undefined) {
    const graph = headGraph(config, true, { measure: labelMeasure });
    return peakBytes(graph, new Map([["T", rows], ["L", labels]]));
  }
  return 12 * labels * (tuning.valueHead ? config.hiddenSize : Math.min(8192, config.vocabSize));
}

/** The layer with the most trained tensors, and their names in it. */
function fullestBlock(
  names: Iterable<string>,
  { numLayers }: DecoderConfig,
): { layer: number; trained: string[] } {
  const all = [...names];
  const blocks = Array.from({ length: numLayers }, (_, layer) => {
    const prefix = ofLayer(layer, "");
    return {
      layer,
      trained: all.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
    };
  });
  return blocks.reduce((most, block) => block.trained.length > most.trained.length ? block : most);
}

/**
 * The rows of a pack for a device: the most of 8,192, 4,096 and 2,048 whose memory it gives when asked, else 1,024. As many packs as it
 * gives memory for are handed over together, as long as their work is less than {@linkcode WORTH_A_WAIT}.
 * @param held Bytes of weights and training state that aren't on the device yet
 * @param given Rows of a pack where they aren't to be chosen
 */
export async function choosePackRows(
  backend: Pick<Backend, "holds"> & Partial<Pick<Backend, "keepsTensors" | "hostMemory">>,
  settings: PackSettings,
  held = 0,
  given?: number,
): Promise<PackRows> {
  const { rows, why } = given === undefined
    ? await rowsFor(backend, settings, held)
    : { rows: given, why: "as the configuration says" };
  const operations = 2 * rows * parametersOf(settings.config), few = Math.ceil(WORTH_A_WAIT / operations);
  for (const packs of backend.holds ? TRIED_PACKS : []) {
    // Of what isn't worth more than a half, no more is asked for.
    if (packs >= 2 * few || !await backend.holds?.(held + packBytes(settings, rows, packs))) continue;
    return { rows, together: Math.min(packs, few) * rows, why };
  }
  // Where nothing is known of a device's memory, as much as a pack of the usual size takes; where nothing is waited for, a pack.
  return { rows, together: backend.hostMemory === false ? Math.max(rows, DEFAULT_ROWS) : rows, why };
}

function parametersOf(config: DecoderConfig): number {
  return [...tensorShapes(config).values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

async function rowsFor(
  backend: Parameters<typeof choosePackRows>[0],
  settings: PackSettings,
  held: number,
): Promise<Pick<PackRows, "rows" | "why">> {
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
export function packRowsText({ rows, together, why }: PackRows): string {
  const waits = together > rows
    ? `; packs of up to ${grouped(together)} rows share a wait for the device`
    : "";
  return `at most ${grouped(rows)} rows a pack: ${why} (micro_batch_tokens sets it)${waits}`;
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
