/**
 * Blocks one after another through one program per shape class; between them stands `[T, D]`. With checkpointing that
 * is kept, on a CPU some values more (checkpointing.ts), and a block's backward program computes the others again; without, the forward
 * program hands them over.
 * Where the engine says which rows it wants, the last block computes no others behind attention. Below the lowest layer that has something trained
 * nothing is kept, and the way back ends there.
 * @module
 */
import { entryOf } from "../../../formats/elements.ts";
import type { Backend, Tensor } from "../../backend.ts";
import {
  type Body,
  type BodyPass,
  type BodySettings,
  disposeAll,
  hasDropout,
  lowestTrained,
  type Rows,
  takeKept,
  uploadMasks,
} from "./body.ts";
import { EMBEDDING, ofLayer } from "../decoder/decoder.ts";
import { attentionOf } from "../decoder/decoder_config.ts";
import { uploadNoise } from "./noise.ts";
import type { Parameters } from "../weights/parameters.ts";
import { loraOfLayer } from "../weights/tuning.ts";
import { accumulate, runProgram } from "../programs/compiled.ts";
import type { BlockClass, Programs } from "../programs/programs.ts";

/** Tensors that a forward pass keeps for its backward pass. */
interface Kept {
  rows: Rows;
  /** Layers that the way back goes through: their inputs, and what their forward programs handed over. */
  layers: { layer: number; x: Tensor; saved: Record<string, Tensor> }[];
  dropoutStep: number | undefined;
}

/** The body as a chain of programs. */
export class BlocksBody implements Body {
  readonly #kept: Kept[] = [];
  /** By layer and kind of pass: making one looks at all trained names. */
  readonly #classes = new Map<string, BlockClass>();
  readonly #lowest: number;

  constructor(
    readonly backend: Backend,
    readonly settings: BodySettings,
    readonly parameters: Parameters,
    readonly programs: Programs,
  ) {
    this.#lowest = lowestTrained(parameters.trained.keys(), settings.config.numLayers);
  }

  async forward(rows: Rows, { adapter, keep, dropoutStep }: BodyPass): Promise<Tensor> {
    const kept: Kept = { rows, layers: [], dropoutStep };
    const x = await this.#layers(rows, this.settings.config.numLayers, {
      adapter,
      dropoutStep,
      kept: keep ? kept : null,
    });
    if (keep) this.#kept.push(kept);
    return x;
  }

  async backward(dy: Tensor): Promise<void> {
    const { rows, layers, dropoutStep } = takeKept(this.#kept);
    let dx = dy;
    for (const { layer, x, saved } of layers.toReversed()) {
      const blockClass = this.#blockClass(layer, true, dropoutStep !== undefined, rows);
      const { backward } = await this.programs.blockPair(blockClass);
      const masks = this.#masks(blockClass, layer, rows, dropoutStep);
      const names = Object.fromEntries(
        blockClass.trained.map((name) => [name, ofLayer(layer, name)]),
      );
      const result = await accumulate(this.parameters, backward, names, {
        x,
        ...rows.tensors,
        ...saved,
        ...masks,
        "d.y": dx,
        ...this.parameters.blockTensors(backward.inputs, layer),
      });
      disposeAll({ x, dx, ...saved, ...masks });
      if (!blockClass.below) return;
      dx = entryOf(result, "d.x");
    }
    if (this.parameters.isTrained(EMBEDDING)) {
      await accumulate(this.parameters, await this.programs.embedBackward(), { w: EMBEDDING }, {
        ids: rows.tensors.ids,
        "d.x": dx,
        w: this.parameters.get(EMBEDDING),
      });
    }
    dx.dispose();
  }

  discard(): void {
    for (const { layers } of this.#kept.splice(0)) {
      for (const { x, saved } of layers) disposeAll({ x, ...saved });
    }
  }

  /** Index of the first element behind `layers` blocks that isn't finite, −1 when all are. */
  async firstNonFinite(rows: Rows, layers: number): Promise<number> {
    const x = await this.#layers(rows, layers, { adapter: true, dropoutStep: undefined, kept: null });
    const values = await this.backend.download(x);
    const found = values.findIndex((v) => !Number.isFinite(v));
    x.dispose();
    return found;
  }

  /** `[T, D]` behind the first `layers` blocks. */
  async #layers(
    rows: Rows,
    layers: number,
    { adapter, dropoutStep, kept }: Pick<BodyPass, "adapter" | "dropoutStep"> & { kept: Kept | null },
  ): Promise<Tensor> {
    const w = this.parameters.get(EMBEDDING, adapter), { ids } = rows.tensors;
    const noise = uploadNoise(this.backend, this.settings, rows, adapter ? dropoutStep : undefined);
    const embed = await this.programs.embed(noise !== null);
    let x = entryOf(await runProgram(embed, { w, ids, ...noise && { noise } }), "x");
    noise?.dispose();
    for (let layer = 0; layer < layers; layer++) {
      const blockClass = this.#blockClass(layer, adapter, dropoutStep !== undefined, rows);
      const isKept = kept !== null && layer >= this.#lowest;
      const compiled = isKept
        ? (await this.programs.blockPair(blockClass)).forward
        : await this.programs.block(blockClass);
      const masks = this.#masks(blockClass, layer, rows, dropoutStep);
      const { y, saved } = split(
        await runProgram(compiled, {
          x,
          ...rows.tensors,
          ...this.parameters.blockTensors(compiled.inputs, layer, adapter),
          ...masks,
        }),
      );
      disposeAll(masks);
      if (isKept) kept.layers.push({ layer, x, saved });
      else x.dispose();
      x = y;
    }
    return x;
  }

  #blockClass(layer: number, adapter: boolean, training: boolean, { wanted }: Rows): BlockClass {
    const some = wanted !== null && layer === this.settings.config.numLayers - 1;
    const key = `${layer} ${adapter} ${training} ${some}`;
    const made = this.#classes.get(key) ?? this.#makeClass(layer, adapter, training, some);
    this.#classes.set(key, made);
    return made;
  }

  #makeClass(layer: number, adapter: boolean, training: boolean, some: boolean): BlockClass {
    const { config, tuning } = this.settings, prefix = ofLayer(layer, "");
    const trained = [...this.parameters.trained.keys()].filter((n) => n.startsWith(prefix)).map((n) =>
      n.slice(prefix.length)
    );
    return {
      attention: attentionOf(config, layer),
      lora: adapter ? loraOfLayer(config, tuning, layer) : {},
      dropout: training && hasDropout(tuning),
      packing: this.parameters.packingOfLayer(layer),
      some,
      trained: adapter ? trained : [],
      // of the first block it may be made in vain: its program is that of the others then
      below: layer > this.#lowest || layer === 0,
    };
  }

  #masks(
    { dropout, some }: BlockClass,
    layer: number,
    { tokens, wanted }: Rows,
    step: number | undefined,
  ): Record<string, Tensor> {
    if (!dropout) return {};
    return uploadMasks(this.backend, this.settings, {
      layer,
      rows: tokens.length,
      step,
      wanted: some ? wanted : null,
    });
  }
}

/** A block's output, and the values that its backward program wants. */
function split(outputs: Record<string, Tensor>): { y: Tensor; saved: Record<string, Tensor> } {
  const { y: _, ...saved } = outputs;
  return { y: entryOf(outputs, "y"), saved };
}
