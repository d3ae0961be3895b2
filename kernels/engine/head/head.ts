/**
 * The output head: log-probabilities of labels in chunks, so that `[T, vocab]` never exists, and the way back.
 *
 * A frozen head's forward program gives each label's unit gradient too; the backward pass only weighs it. With label smoothing
 * the log-probabilities, and so the gradients, are the smoothed ones.
 * @module
 */
import { entryOf, item } from "../../../formats/elements.ts";
import type { Backend, Tensor } from "../../backend.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { headWeight } from "../decoder/decoder.ts";
import { disposeAll, lowestTrained, takeKept } from "../body/body.ts";
import { paddedLabels } from "../packs/padding.ts";
import type { Parameters } from "../weights/parameters.ts";
import { accumulate, runProgram } from "../programs/compiled.ts";
import type { HeadLabels, HeadPass, OutputHead, RowsOfLabels } from "./output_head.ts";
import type { Programs } from "../programs/programs.ts";

/** Elements of a chunk's logits. */
const CHUNK_ELEMENTS = 128 * 49_152;
/** Name of the final norm's weights. */
export const NORM = "model.norm.weight";

/**
 * Labels of one head chunk. At a vocabulary of 49,152 that is 128. Measured there: 64 make the head about a fifth
 * slower and save 70 MB; 256 make it 6 to 16 % faster and cost 60 MB more; 512 are no faster than 256 and cost 230 MB more.
 */
export function labelChunkFor(vocabSize: number): number {
  return Math.max(16, Math.min(1024, Math.floor(CHUNK_ELEMENTS / vocabSize)));
}

/** Labels of a chunk on a device, whose kernel has logits of 8,192 tokens at a time at most. */
export const DEVICE_LABELS = 512;

/**
 * Labels of a chunk where a CPU's operator takes the vocabulary by pieces: each chunk lays out all of the head's matrix. Of 49,152 × 576,
 * 256 instead of 128 make log-probabilities 1.06 times as fast and with gradients 1.03; more gain nothing (docs/performance_log.md).
 */
const OWN_LABELS = 256;

/**
 * Labels of one head chunk on a backend. A GPU's kernel takes the vocabulary in chunks itself, so its size decides nothing there; 512
 * labels fill tiles of 128 × 128 and read the weight once, where the 41 of a vocabulary of 152,064 left 23 of a tile's 64 rows empty.
 */
export function labelChunkOn(
  { fewSizes, keepsNoLogits }: Pick<Backend, "fewSizes" | "keepsNoLogits">,
  vocabSize: number,
  { onHost = false, anywhere = false }: LogitsInMemory = {},
): number {
  if (fewSizes && !anywhere) return DEVICE_LABELS;
  return keepsNoLogits && !onHost && !anywhere ? OWN_LABELS : labelChunkFor(vocabSize);
}

/** Where a program has the logits of all its labels in memory. */
export interface LogitsInMemory {
  /** On a CPU, whatever the backend's operators are. Default false. */
  onHost?: boolean;
  /** On every device. Default false. */
  anywhere?: boolean;
}

/** One or two chunks may be this many times as large as the wanted size where that saves one: each lays out all weights once more. */
const STRETCH = 1.25;

/** Rows that a CPU's products make at once: those of a tile that lacks some cost as much. */
const TILE_ROWS = 6;

/**
 * Labels of each chunk, the last may have fewer: few chunks of one size, of whole tiles where there are several. Packs of many labels, whose activations are many as well,
 * get no larger chunks, so that the peak of memory stays.
 * @param labels ≥ 0
 */
export function evenChunk(labels: number, chunk: number): number {
  const most = Math.floor(STRETCH * chunk), few = Math.ceil(labels / most);
  const count = Math.max(1, few <= 2 ? few : Math.ceil(labels / chunk)), even = Math.ceil(labels / count);
  const whole = Math.ceil(even / TILE_ROWS) * TILE_ROWS;
  return count > 1 && whole <= (few <= 2 ? most : chunk) ? whole : even;
}

/** Integers with zeros behind them: labels of token 0 behind row 0, which weigh nothing. */
export function resized(values: Int32Array, count: number): Int32Array<ArrayBuffer> {
  const all = new Int32Array(count);
  all.set(values);
  return all;
}

interface Chunk {
  rows: Tensor;
  ids: Tensor;
  dh: Tensor | null;
  dmeasure: Tensor | null;
  start: number;
  count: number;
}

/** A pass whose way back is kept. */
interface KeptPass extends RowsOfLabels {
  chunks: Chunk[];
  /** True if the way back has weights of a divergence too. */
  measured: boolean;
}

/** Final norm and output matrix. */
export class Head implements OutputHead {
  readonly parameters: Parameters;
  readonly programs: Programs;
  readonly smoothing: number;
  readonly #weight: string;
  /** Labels of a chunk by where its program has logits in memory. */
  readonly #chunkOf: (logits: LogitsInMemory) => number;
  /** Inputs of the trained head whose gradients are wanted. */
  readonly #wanted: readonly ("x" | "norm" | "w")[];
  readonly #kept: KeptPass[] = [];
  /** The vocabulary's mean row, once it was asked for; of a frozen head with smoothing. */
  #mean: Promise<Tensor> | null = null;

  /**
   * @param parts `labelChunk`: labels of a chunk, ≥ 1, absent: {@linkcode labelChunkOn}; `smoothing`: ε of the labels, in [0, 1), absent: 0, none.
   */
  constructor(
    readonly backend: Backend,
    config: DecoderConfig,
    { parameters, programs, labelChunk, smoothing = 0 }: {
      parameters: Parameters;
      programs: Programs;
      labelChunk?: number | undefined;
      smoothing?: number;
    },
  ) {
    this.parameters = parameters;
    this.programs = programs;
    this.smoothing = smoothing;
    this.#weight = headWeight(config);
    this.#chunkOf = (logits) => labelChunk ?? labelChunkOn(backend, config.vocabSize, logits);
    const body = lowestTrained(parameters.trained.keys(), config.numLayers) < config.numLayers;
    this.#wanted = [
      ...body ? ["x" as const] : [],
      ...parameters.isTrained(NORM) ? ["norm" as const] : [],
      "w",
    ];
  }

  /**
   * Hands the head over; what it gives is called once and waits for the log-probability (nats) of every label, `[L]`; with `best`
   * one row more, 1 where no token is likelier than the label, else 0; with a `measure` one more behind it.
   */
  async forward(
    labels: HeadLabels,
    { x, reference }: RowsOfLabels,
    { adapter = true, keep, best = false, measure }: HeadPass,
  ): Promise<() => Promise<Float64Array>> {
    const { backend, smoothing } = this, trained = this.parameters.isTrained(this.#weight);
    const given = {
      norm: this.parameters.get(NORM, adapter),
      w: this.parameters.get(this.#weight, adapter),
    };
    const { norm: _, ...matrix } = given, still = this.parameters.isTrained(NORM) ? matrix : given;
    const compiled = await this.programs.head({
      keep,
      frozen: trained ? null : still,
      smoothing,
      best,
      measure: measure ?? null,
    });
    const under = reference ? { "x.ref": reference, ...this.#referenceWeights() } : {};
    const mean = smoothing > 0 && !trained ? { mean: await (this.#mean ??= this.#meanRow(given.w)) } : {};
    const told = ["logp", ...best ? ["best"] : [], ...measure ? ["measure"] : []];
    const total = labels.labelIds.length, values = new Float64Array(told.length * total);
    const parts: [row: number, start: number, values: Tensor][] = [];
    const chunks: Chunk[] = [];
    const chunk = this.#chunkOf({ onHost: trained || best, anywhere: measure !== undefined });
    const size = backend.fewSizes ? chunk : evenChunk(total, chunk);
    for (let start = 0; start < total; start += size) {
      const end = Math.min(start + size, total);
      const count = backend.fewSizes ? paddedLabels(end - start, chunk) : end - start;
      const rows = backend.upload(resized(labels.labelRows.subarray(start, end), count), [count]);
      const ids = backend.upload(resized(labels.labelIds.subarray(start, end), count), [count]);
      const ones = this.#ones(count, trained);
      const inputs = { x, ...given, ...under, ...mean, ...ones, rows, ids };
      const outputs = await runProgram(compiled, inputs), { dh = null, dmeasure = null } = outputs;
      disposeAll(ones);
      told.forEach((name, row) => parts.push([row, start, entryOf(outputs, name)]));
      const made = { rows, ids, dh, dmeasure, start, count };
      if (keep) chunks.push(made);
      else disposeChunk(made);
    }
    const measured = measure === "divergence";
    if (keep) this.#kept.push({ x, reference, chunks, measured });
    else reference?.dispose();
    return async () => {
      // All at once: each wait for a device costs more than a chunk.
      await Promise.all(parts.map(async ([row, start, part]) => {
        values.set((await backend.download(part)).subarray(0, total - start), row * total + start);
      }));
      for (const [, , part] of parts) part.dispose();
      return values;
    };
  }

  /** Gradient of what the forward pass that is kept longest was given, zeros where nothing below is trained; adds to the head's own gradients. */
  async backward(weights: Float64Array): Promise<Tensor> {
    const { backend, parameters, smoothing } = this, norm = parameters.get(NORM);
    const { x, reference, chunks, measured } = takeKept(this.#kept),
      total = weights.length / (measured ? 2 : 1);
    const normed = parameters.isTrained(NORM), ofNorm = normed ? { norm: NORM } : {};
    const under = reference ? { "x.ref": reference, ...this.#referenceWeights() } : {};
    let dx = backend.zeros(x.shape);
    for (const chunk of chunks) {
      const { rows, ids, dh, dmeasure, start, count } = chunk, end = Math.min(start + count, total);
      const upload = (values: Float64Array) => {
        const own = new Float32Array(count);
        own.set(values);
        return backend.upload(own, [count]);
      };
      const weight = upload(weights.subarray(start, end));
      const ofMeasure = measured ? upload(weights.subarray(total + start, total + end)) : null;
      const ones = dh ? {} : this.#ones(count, true);
      const result = dh
        ? await accumulate(parameters, await this.programs.headBackward(normed, measured), ofNorm, {
          ...{ x, norm, rows, dh, weights: weight, before: dx },
          ...(dmeasure && ofMeasure && { dmeasure, "weights.measure": ofMeasure }),
        })
        : await accumulate(
          parameters,
          await this.programs.trainedHeadBackward(this.#wanted, smoothing, measured),
          { ...ofNorm, w: this.#weight },
          {
            ...{ x, norm, w: parameters.get(this.#weight), rows, ids, ...ones, ...under },
            ...{ "d.logp": weight, "acc.x": dx, ...(ofMeasure && { "d.measure": ofMeasure }) },
          },
        );
      disposeAll({ weight, ...ones, ...(ofMeasure && { ofMeasure }) });
      disposeChunk(chunk);
      if (!result["d.x"]) continue;
      dx.dispose();
      dx = result["d.x"];
    }
    x.dispose();
    reference?.dispose();
    return dx;
  }

  /** What a reference's rows go through, as inputs. */
  #referenceWeights(): Record<"norm.ref" | "w.ref", Tensor> {
    return {
      "norm.ref": this.parameters.get(NORM, false),
      "w.ref": this.parameters.get(this.#weight, false),
    };
  }

  async #meanRow(w: Tensor): Promise<Tensor> {
    const vocab = this.#vector([1, item(w.shape, 0)]);
    const outputs = await runProgram(await this.programs.meanRow(), { w, vocab });
    vocab.dispose();
    return entryOf(outputs, "mean");
  }

  /** Ones that smoothing's products take, for a chunk of `count` labels. */
  #ones(count: number, trained: boolean): Record<string, Tensor> {
    if (this.smoothing === 0) return {};
    const vocab = trained
      ? { vocab: this.#vector([1, item(this.parameters.get(this.#weight).shape, 0)]) }
      : {};
    return { ones: this.#vector([count]), column: this.#vector([count, 1]), ...vocab };
  }

  #vector(shape: number[]): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    return this.backend.upload(new Float32Array(count).fill(1), shape);
  }

  /** Drops what forward passes kept. */
  discard(): void {
    for (const { x, reference, chunks } of this.#kept.splice(0)) {
      x.dispose();
      reference?.dispose();
      chunks.forEach(disposeChunk);
    }
  }
}

function disposeChunk({ rows, ids, dh, dmeasure }: Chunk): void {
  disposeAll({ rows, ids, ...(dh && { dh }), ...(dmeasure && { dmeasure }) });
}
