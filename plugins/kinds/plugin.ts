/**
 * The kinds of plugin and what each of them makes. Everything that a YAML file names is a plugin; built-in ones and a
 * person's own come through the same door ({@linkcode definePlugin} and the registry).
 * @module
 */
import { z } from "zod";
import type { Dataset } from "./dataset.ts";
import type { Loss } from "./loss.ts";
import type { Trainer } from "./trainer.ts";
import type { Judge } from "./judge.ts";
import type { ModelFamily } from "./model.ts";
import type { Template } from "./template.ts";
import type { Benchmark } from "./benchmark.ts";
import type { Endpoint } from "./endpoint.ts";

/** Maps each kind of plugin to the product that its `create` makes. */
export interface Kinds {
  /** Raw records to examples. */
  dataset: Dataset;
  /** What is learnt from an example. */
  loss: Loss;
  /** What carries out a run. */
  trainer: Trainer;
  /** Verdicts on responses. */
  judge: Judge;
  /** What a config.json means. */
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

/** One named, versioned thing that a YAML file can ask for. Nothing happens on import; `create` does the work. */
export interface Plugin<K extends keyof Kinds = keyof Kinds, S extends z.ZodObject = z.ZodObject> {
  /** What it makes. */
  readonly kind: K;
  /** As written in YAML: lower case letters, digits, `_`, `-` and `.`. */
  readonly name: string;
  /** Enters cache keys and `run.yaml`: change it when results change. */
  readonly version: string;
  /** One sentence for `deno task plugins`. */
  readonly description: string;
  /** Strict object; every option has a default (or is required) and a description, from which help and docs are made. */
  readonly options: S;
  /** Makes the product from options that were validated already; never changes them. */
  create(options: z.output<S>): Kinds[K];
}

/** Gives a plugin its exact type; use as `export default definePlugin({...})`. */
export function definePlugin<K extends keyof Kinds, S extends z.ZodObject>(
  plugin: Plugin<K, S>,
): Plugin<K, S> {
  return plugin;
}
