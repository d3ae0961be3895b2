/**
 * The policy as it answers: the model with the adapter of this moment, in a generator beside the engine that trains.
 * @module
 */
import { createHash } from "node:crypto";

import {
  type DeviceChoice,
  type Generated,
  Generator,
  type GeneratorOptions,
} from "../../../../kernels/engine/generate/generator.ts";
import type { LoadedModel } from "../../../../formats/hf_model/loaded_model.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import type { Target } from "../target/target.ts";

/** Keys that say how answers are drawn. */
export type DrawingConfig = Pick<
  TrainConfig,
  | "seed"
  | "num_generations"
  | "temperature"
  | "top_p"
  | "top_k"
  | "repetition_penalty"
  | "max_new_tokens"
  | "quantization_bit"
>;

/** What answers. */
export interface PolicySource {
  config: DrawingConfig;
  model: Pick<LoadedModel, "path">;
  decoder: DecoderConfig;
  target: Pick<Target, "save">;
  device: DeviceChoice;
  /** Ids that end an answer by the template. */
  endIds: readonly number[];
  onPhase: (name: string, done: number, total: number) => void;
  /** Told once where each step opens the model anew. */
  note: (line: string) => void;
}

/** Answers of one moment's policy. */
export interface Policy {
  /** A group of answers to a prompt. @throws The signal's reason when it fires */
  group(prompt: readonly number[], place: DrawnPlace, signal: AbortSignal): Promise<Generated[]>;
}

/** Which group of a run is drawn. */
export interface DrawnPlace {
  /** From 0. */
  step: number;
  /** Position among the step's prompts. */
  prompt: number;
}

/** Answers by a policy that changes. A group is drawn alone, so that no bit of it depends on when others were asked. */
export class DrawingPolicy {
  readonly #source: PolicySource;
  readonly #folder = Deno.makeTempDirSync({ prefix: "dinotune-policy-" });
  #generator: Generator | null = null;
  #isReopeningTold = false;

  constructor(source: PolicySource) {
    this.#source = source;
  }

  /**
   * Draws with these trained tensors. Where adapters can't stand beside the model on a backend, it is opened with them anew.
   * @param name Of this moment, another one each time
   */
  async with<Result>(
    name: string,
    trained: Record<string, Float32Array<ArrayBuffer>>,
    draw: (policy: Policy) => Promise<Result>,
  ): Promise<Result> {
    const { target } = this.#source, folder = `${this.#folder}/${name}`;
    Deno.mkdirSync(folder);
    try {
      target.save(folder, trained);
      const generator = this.#generator ??= await this.#open({});
      if (generator.info.namedAdapters) {
        await generator.loadAdapter(name, folder);
        try {
          return await draw(this.#policy(generator, name));
        } finally {
          await generator.unloadAdapter(name);
        }
      }
      if (!this.#isReopeningTold) {
        this.#source.note(
          `answers: the model is opened anew for each step, as adapters can't be loaded beside it here (${generator.info.backend})`,
        );
      }
      this.#isReopeningTold = true;
      await this.#closeGenerator();
      this.#generator = await this.#open({ adapter: folder, merge: false });
      return await draw(this.#policy(this.#generator, null));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }

  /** Frees the model and what lies on disk. */
  async close(): Promise<void> {
    await this.#closeGenerator();
    Deno.removeSync(this.#folder, { recursive: true });
  }

  async #closeGenerator(): Promise<void> {
    await this.#generator?.close();
    this.#generator = null;
  }

  #open(adapter: Pick<GeneratorOptions, "adapter" | "merge">): Promise<Generator> {
    const { config, model, decoder, device, onPhase } = this.#source;
    const quantization = config.quantization_bit ?? "stored", maxBatch = config.num_generations;
    return Generator.open(
      { model: model.path, decoder, device, quantization, maxBatch, text: false, ...adapter },
      onPhase,
    );
  }

  #policy(generator: Generator, adapter: string | null): Policy {
    const { config, endIds } = this.#source;
    const { num_generations, temperature, top_p, top_k, repetition_penalty, max_new_tokens } = config;
    const known = endIds.filter((id) => id < generator.info.vocabSize);
    const drawing = { temperature, top_p, top_k, repetition_penalty, max_tokens: max_new_tokens };
    return {
      group: (prompt, place, signal) =>
        generator.generateAll(
          prompt,
          { ...drawing, n: num_generations, seed: seedOf(config.seed, place), stop_ids: known, adapter },
          undefined,
          signal,
        ),
    };
  }
}

/** Seed of a group's first answer, whole, in [0, 2^48); answer number i draws with i more. The same place draws the same again. */
export function seedOf(seed: number, { step, prompt }: DrawnPlace): number {
  const hash = createHash("sha256").update(`rollout ${seed} ${step} ${prompt}`).digest();
  return hash.readUIntBE(0, 6);
}
