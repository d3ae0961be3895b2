/**
 * The models that a server has: one that is open, and adapters beside it by name.
 * @module
 */
import { basename, join } from "@std/path";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { exists } from "../../formats/exists.ts";
import { hubName, resolveAdapter, type ResolveOptions } from "../../formats/hub/mod.ts";
import { onlyMerged, readAdapterFields } from "../../formats/peft/mod.ts";
import { VALUE_HEAD_FILE } from "../../formats/value_head/value_head.ts";
import type {
  DeviceChoice,
  Generator,
  OnPhase,
  Quantization,
} from "../../kernels/engine/generate/generator.ts";
import { type LocalModel, openLocal, underAdapter } from "../../plugins/endpoints/local/open.ts";
import { RewardModel } from "../../plugins/endpoints/local/reward_model.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { Template } from "../../plugins/kinds/template.ts";
import { hasThinkingSwitch } from "./fields/thinking.ts";
import { type AnswerFormat, answerFormatOf } from "./reading/tool_formats.ts";

/** Models and adapters to open, and their limits. */
export interface ModelsOptions {
  /** Model directory, .gguf file, or hub id. */
  model: string;
  /** Name that clients ask for; null: the last part of `model`. */
  name: string | null;
  /** PEFT directories by name. */
  adapters: ReadonlyMap<string, string>;
  /** Chat template by name; `auto`: the model's own. */
  template: string;
  /** Where it runs. */
  device: DeviceChoice;
  /** Tokens of prompt and answer together; null: as many as the model was made for. */
  maxModelLen: number | null;
  /** Answers at once, ≥ 1. */
  maxBatch: number;
  /** Form in which weights are held. */
  quantization: Quantization;
  /** Draft tokens of a greedy answer that runs alone, 0 … 64. */
  speculation: number;
  /** Options for asking the hub for the ids of model and adapters. */
  hub?: ResolveOptions;
  /** Told, until all are open, of weights that are read, or prepared. */
  onPhase?: OnPhase;
}

/** A name that clients can ask for. */
export interface ServedModel {
  /** Name by which requests ask for it. */
  id: string;
  /** Path of its files. */
  root: string;
  /** The model under an adapter; null for the model itself. */
  parent: string | null;
  /** Seconds since 1970 when it was loaded. */
  created: number;
  /** The open model, under the adapter. */
  local: LocalModel;
  /** Scores token sequences where it is a reward model, which answers no prompts; null: it is none. */
  rewards: RewardModel | null;
  /** Answers a prompt of ids, under the adapter; as `Generator.generateAll`. */
  generate: Generator["generateAll"];
  /** Answers under way. */
  running: ReadonlySet<Promise<unknown>>;
  /** Templates with `enable_thinking` as asked for; undefined: the template's own. */
  template(enableThinking?: boolean): Template;
  /** True if its template writes another prompt with thinking on than with thinking off. */
  thinkingSwitch: boolean;
  /** Its template's way of writing calls of tools; null: none, or one that isn't read. */
  format: AnswerFormat | null;
}

/** An adapter whose files aren't there. */
export class AdapterMissing extends RangeError {}

/** The models of one server. */
export class Models {
  readonly #served = new Map<string, ServedModel>();
  /** Names of adapters that are being loaded, or whose last answers are being made. */
  readonly #changing = new Map<string, "loaded" | "unloaded">();
  #onPhase: OnPhase | undefined;

  private constructor(readonly options: ModelsOptions, readonly registry: Registry, readonly base: string) {}

  /**
   * Opens the model and its adapters.
   * @throws {RangeError} If one of them isn't there or doesn't fit, or two have the same name
   */
  static async open(options: ModelsOptions, registry: Registry): Promise<Models> {
    const base = options.name ?? basename(options.model).replace(/\.gguf$/, "");
    const models = new Models(options, registry, base);
    models.#onPhase = options.onPhase;
    try {
      await models.#open(base, null);
      for (const [name, directory] of options.adapters) await models.load(name, directory);
    } catch (error) {
      await models.close();
      throw error;
    } finally {
      models.#onPhase = undefined;
    }
    return models;
  }

  /** All of them, the model itself first. */
  list(): ServedModel[] {
    return [...this.#served.values()];
  }

  /** The model of a name, or undefined. */
  get(id: string): ServedModel | undefined {
    return this.#served.get(id);
  }

  /** A hint at the nearest name, or "". */
  hint(id: string): string {
    return didYouMean(id, [...this.#served.keys()]);
  }

  /**
   * Loads an adapter beside the model.
   * @throws {AdapterMissing} If there are no such folder and no such repository, or no adapter in it
   * @throws {RangeError} If the name is taken, or the adapter doesn't fit
   */
  async load(name: string, directory: string): Promise<void> {
    const taken = this.#served.get(name)?.root, changing = this.#changing.get(name);
    if (taken !== undefined || changing !== undefined) {
      const other = taken === undefined
        ? `one that is being ${changing}: ask again when that is done`
        : `${taken}: give it another (lora_name, or --adapter NAME=DIR)`;
      throw new RangeError(`Cannot load an adapter as ${name}: the name is taken by ${other}`);
    }
    if (!exists(directory) && hubName(directory) === null) {
      throw new AdapterMissing(
        `Cannot load the adapter ${name}: there is no folder ${directory}, and it isn't an id on the hub (owner/name, or owner/name@revision)`,
      );
    }
    this.#changing.set(name, "loaded");
    try {
      await this.#open(name, await this.#adapterFolder(directory));
    } finally {
      this.#changing.delete(name);
    }
  }

  /**
   * Takes an adapter away; no more requests reach it, and those under way are finished.
   * @throws {RangeError} If there is none of that name
   */
  async unload(name: string): Promise<void> {
    const served = this.#served.get(name);
    if (served?.parent == null) {
      const why = served ? "it is the model itself" : `there is no adapter of that name${this.hint(name)}`;
      throw new RangeError(`Cannot unload ${name}: ${why}`);
    }
    this.#served.delete(name);
    this.#changing.set(name, "unloaded");
    const { generator } = served.local;
    try {
      await served.rewards?.close();
      if (generator === this.#base.generator) return await generator.unloadAdapter(name);
      await Promise.allSettled(served.running);
      await generator.close();
    } finally {
      this.#changing.delete(name);
    }
  }

  /** Stops what runs and frees everything. */
  async close(): Promise<void> {
    const generators = new Set(this.list().map(({ local }) => local.generator));
    const rewards = this.list().flatMap(({ rewards }) => rewards ?? []);
    await Promise.all([...generators, ...rewards].map((each) => each.close()));
  }

  get #base(): LocalModel {
    const base = this.#served.get(this.base);
    if (base === undefined) throw new Error("Cannot use the model: it isn't open");
    return base.local;
  }

  async #adapterFolder(directory: string): Promise<string> {
    try {
      const folder = await resolveAdapter(directory, this.options.hub);
      readAdapterFields(folder);
      return folder;
    } catch (error) {
      throw error instanceof RangeError ? new AdapterMissing(error.message, { cause: error }) : error;
    }
  }

  /** The reward model whose value head lies beside an adapter, or beside the model itself; null where none does. */
  async #openRewards(model: string, adapter: string | null): Promise<RewardModel | null> {
    if (!exists(join(adapter ?? model, VALUE_HEAD_FILE))) return null;
    const source = { model, adapter, device: this.options.device, onPhase: this.#onPhase };
    return await RewardModel.open(source, this.registry);
  }

  async #open(id: string, adapter: string | null): Promise<void> {
    const { model, device, maxModelLen, maxBatch, quantization, speculation, hub = {} } = this.options;
    const source = {
      model,
      device,
      maxModelLen,
      maxBatch,
      quantization,
      speculation,
      hub,
      onPhase: this.#onPhase,
    };
    const own = this.registry.create("template", this.options.template, {});
    const beside = adapter !== null && this.#base.generator.info.namedAdapters &&
      onlyMerged(adapter) === null;
    // where the engine has no adapters by name, or the adapter no place beside it, one of its own is opened, with the adapter merged
    const local = beside
      ? underAdapter(this.#base, adapter, own)
      : await openLocal({ ...source, adapter }, own, this.registry);
    if (beside) await local.generator.loadAdapter(id, adapter);
    const root = adapter ?? local.path;
    const rewards = await this.#openRewards(local.path, adapter).catch(async (error) => {
      await (beside ? local.generator.unloadAdapter(id) : local.generator.close());
      throw error;
    });
    const templates = new Map<boolean | undefined, Template>();
    const template = (thinking?: boolean): Template => {
      const known = templates.get(thinking);
      if (known !== undefined) return known;
      const made = this.registry.create("template", this.options.template, {
        ...(thinking !== undefined && { enable_thinking: thinking }),
      });
      templates.set(thinking, made);
      return made;
    };
    const running = new Set<Promise<unknown>>();
    this.#served.set(id, {
      id,
      root,
      parent: adapter === null ? null : this.base,
      created: Math.floor(Date.now() / 1000),
      local,
      rewards,
      running,
      async generate(prompt, sampling, onToken, signal) {
        const under = beside ? { ...sampling, adapter: id } : sampling;
        const answers = local.generator.generateAll(prompt, under, onToken, signal);
        running.add(answers);
        try {
          return await answers;
        } finally {
          running.delete(answers);
        }
      },
      template,
      thinkingSwitch: hasThinkingSwitch(template, local.tokenizer),
      format: answerFormatOf(own, local.tokenizer),
    });
  }
}
