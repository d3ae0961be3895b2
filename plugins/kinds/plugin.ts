/**
 * The kinds of plugin and what each of them makes. Everything that a YAML file names is a plugin; built-in ones and a
 * person's own come through the same door ({@linkcode definePlugin} and the registry).
 * @module
 */
import type { Dataset } from "./dataset.ts";
import type { Loss } from "./loss.ts";
import type { Trainer } from "./trainer.ts";
import type { Judge } from "./judge.ts";
import type { ModelFamily } from "./model.ts";
import type { Template } from "./template.ts";
import type { Benchmark } from "./benchmark.ts";
import type { Endpoint } from "./endpoint.ts";
import type { PlaceOf } from "./place.ts";

/** Maps each kind of plugin to the product that its `create` makes. */
export interface Kinds {
  /** Raw records to examples. */
  dataset: Dataset;
  /** Formula of what is learnt from an example. */
  loss: Loss;
  /** Program that carries out a run. */
  trainer: Trainer;
  /** Verdicts on responses. */
  judge: Judge;
  /** Reader of a model family's config.json. */
  model: ModelFamily;
  /** Messages to token ids. */
  template: Template;
  /** Items to answer, and scores. */
  benchmark: Benchmark;
  /** Where responses come from. */
  endpoint: Endpoint;
}

/** Every kind, in the order in which they are listed. */
export const KINDS: readonly (keyof Kinds)[] = [
  "dataset",
  "loss",
  "trainer",
  "judge",
  "model",
  "template",
  "benchmark",
  "endpoint",
];

/** The plugins of a run, for plugins that name others: the run's own are found by the same names as the built-in ones. */
export interface PluginRegistry {
  /** True if there is a plugin of this kind and name (or alias). */
  has(kind: keyof Kinds, name: string): boolean;
  /** Names of a kind, sorted, then aliases, sorted. */
  names(kind: keyof Kinds): string[];
  /**
   * The plugin itself, for its version and schema.
   * @throws {RangeError} If there is none of that name
   */
  get<K extends keyof Kinds>(kind: K, name: string): Plugin<K>;
  /** Where a plugin is from: `built-in`, or the file that it came from. @throws {RangeError} If there is none of that name */
  sourceOf(kind: keyof Kinds, name: string): string;
  /** Identity of a plugin, for keys of what is cached by it: kind, name, version, and a hash of its source if it isn't built in. */
  identity(kind: keyof Kinds, name: string): string;
  /**
   * Makes a plugin's product.
   * @param rawOptions As written; checked against the plugin's schema
   * @param place Where the options were written, for errors
   * @throws {RangeError} If there is none of that name
   * @throws {TypeError} If the options don't fit the plugin's schema
   */
  create<K extends keyof Kinds>(kind: K, name: string, rawOptions?: unknown, place?: PlaceOf): Kinds[K];
}

/** The run's services that a plugin is created with. */
export interface PluginContext {
  /** Every plugin of the run: a judge that asks other judges makes them by name, as the YAML file would. */
  readonly registry: PluginRegistry;
  /** Where an option was written, for errors about what it names. */
  readonly place: PlaceOf;
}

/** A zod object schema (`z.strictObject({...})`), as far as its type matters to plugins. */
export interface OptionsSchema<T = unknown> {
  /** Its fields by name. */
  readonly shape: Readonly<Record<string, { safeParse(value: unknown): { readonly success: boolean } }>>;
  /** Options as written, checked, with their defaults. */
  parse(written: unknown): T;
  /** zod's own; `output` is the type of the options, defaults filled in. */
  readonly _zod: { readonly output: T };
}

/** The options that a schema gives. */
export type OptionsOf<S extends OptionsSchema> = S["_zod"]["output"];

/** One named, versioned thing that a YAML file can ask for. Nothing happens on import; `create` does the work. */
export interface Plugin<K extends keyof Kinds = keyof Kinds, S extends OptionsSchema = OptionsSchema> {
  /** Kind of its product. */
  readonly kind: K;
  /** As written in YAML: lower case letters, digits, `_`, `-` and `.`. */
  readonly name: string;
  /** Enters cache keys and `run.yaml`: change it when results change. */
  readonly version: string;
  /** One sentence for `deno task plugins`. */
  readonly description: string;
  /** Strict object; every option has a default (or is required) and a description, from which help and docs are made. */
  readonly options: S;
  /** Other names that a YAML file may give it, such as those of other tools' files. */
  readonly aliases?: readonly string[];
  /** Puts options as they were written under `name` (its own, or an alias) in terms of `options`, before they are checked. */
  translate?(written: Record<string, unknown>, name: string): Record<string, unknown>;
  /** Makes the product from options that were validated already; never changes them. */
  create(options: OptionsOf<S>, context: PluginContext): Kinds[K];
}

/** Gives a plugin its exact type; use as `export default definePlugin({...})`. */
export function definePlugin<K extends keyof Kinds, S extends OptionsSchema>(
  plugin: Plugin<K, S>,
): Plugin<K, S> {
  return plugin;
}
