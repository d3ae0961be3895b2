/**
 * A finished reward model at work: numbers of its value head for token sequences. The engine of training computes them, so that they are those that
 * `do_predict` of stage rm writes.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { savedEmbeddings } from "../../../formats/peft/mod.ts";
import { readValueHead, VALUE_HEAD_FILE } from "../../../formats/value_head/value_head.ts";
import { chooseBackend } from "../../../kernels/engine/backends.ts";
import type { DeviceChoice, OnPhase } from "../../../kernels/engine/generate/generator.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { type Pack, packExamples, packUnits } from "../../../kernels/engine/packs/pack.ts";
import { changedBy } from "../../../kernels/engine/weights/embedding_change.ts";
import { startEngine } from "../../../kernels/engine/worker/remote.ts";
import { decoderOf } from "../../kinds/decoder_of.ts";
import type { PluginRegistry } from "../../kinds/plugin.ts";

/** Files and device of a reward model. */
export interface RewardSource {
  /** Model folder. */
  model: string;
  /** PEFT folder with the value head, merged into the weights; null: the value head lies beside the model. */
  adapter: string | null;
  /** Where it runs. */
  device: DeviceChoice;
  /** Told of weights that are read, and programs that are compiled. */
  onPhase?: OnPhase | undefined;
}

/** An open reward model. */
export class RewardModel {
  /** Passes go through the engine one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(readonly engine: EngineClient, readonly rows: number) {}

  /**
   * Opens it in a Worker; weights are float32.
   * @throws {RangeError} If there is no value head, or the adapter doesn't fit the model
   */
  static async open(
    { model: path, adapter, device, onPhase }: RewardSource,
    registry: PluginRegistry,
  ): Promise<RewardModel> {
    const model = await openModel(path);
    try {
      const stored = decoderOf(registry, model), folder = adapter ?? path;
      const { decoder, change } = adapter === null
        ? { decoder: stored, change: null }
        : changedBy(savedEmbeddings(adapter), stored);
      const initial = readValueHead(folder, decoder.hiddenSize);
      if (initial === null) {
        throw new RangeError(`Cannot read a reward model from ${folder}: it has no ${VALUE_HEAD_FILE}`);
      }
      const { choice } = await chooseBackend(device);
      const engine = await startEngine({
        modelPath: model.path,
        merged: adapter === null ? [] : [adapter],
        ...(change && { embeddings: change }),
        decoder,
        tuning: { type: "freeze", tensors: [], valueHead: { dropout: 0 } },
        initial,
        checkpointing: false,
        seed: 0,
        device: choice,
        optimizer: null,
      }, onPhase);
      try {
        return new RewardModel(engine, (await engine.packRows()).rows);
      } catch (error) {
        await engine.close();
        throw error;
      }
    } finally {
      model.weights.close();
    }
  }

  /**
   * The number at the last token of each sequence.
   * @param sequences Token ids, each of 1 or more
   * @param signal Ends it between two packs
   */
  rewards(sequences: readonly (readonly number[])[], signal?: AbortSignal): Promise<number[]> {
    const made = this.#last.then(() => this.#rewards(sequences, signal));
    this.#last = made.catch(() => {});
    return made;
  }

  /** Frees the engine when what is under way is done. */
  async close(): Promise<void> {
    await this.#last;
    await this.engine.close();
  }

  async #rewards(sequences: readonly (readonly number[])[], signal?: AbortSignal): Promise<number[]> {
    const rewards: number[] = [];
    for (const pack of packsOf(sequences, this.rows)) {
      signal?.throwIfAborted();
      rewards.push(...valuesOf(pack, await this.engine.forward(pack, { adapter: true, keep: false })));
    }
    return rewards;
  }
}

/** Packs of whole sequences in their order, each of at most so many rows or of one sequence. */
function packsOf(sequences: readonly (readonly number[])[], rows: number): Pack[] {
  const units = sequences.map((ids, index): EncodedExample[] => [{
    index,
    source: { file: "texts", row: index },
    sequences: [{ name: "y", input_ids: ids, labels: ids, measure: "value" }],
  }]);
  return packUnits(units, rows).map((examples) => packExamples(examples));
}

/** Values of a pack's sequences in their order. */
function valuesOf({ sequences, ownerStart, owners, labelRows }: Pack, values: Float64Array): number[] {
  const found: number[] = sequences.map(() => NaN);
  for (let label = 0; label < labelRows.length; label++) {
    for (let at = item(ownerStart, label); at < item(ownerStart, label + 1); at++) {
      found[item(owners, at)] = item(values, label);
    }
  }
  return found;
}
