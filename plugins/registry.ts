/**
 * All plugins of one run, by kind and name. Built-in ones and a person's own come in by the same door.
 * @module
 */
import { createHash } from "node:crypto";

import { z } from "zod";

import { didYouMean } from "../formats/did_you_mean.ts";
import { shortened } from "../formats/message.ts";
import { inWords } from "../formats/zod_words.ts";
import { checkedProduct } from "./kinds/checked/checked.ts";
import { nowhere, placed, type PlaceOf } from "./kinds/place.ts";
import { productIdentity, recordMakers } from "./kinds/product_identity.ts";
import { KINDS, type Kinds, type Plugin, type PluginRegistry } from "./kinds/plugin.ts";
import { describeIssue, describeOptions, issuePath, type OptionEntry } from "./kinds/option_words.ts";
import { shapeFault } from "./kinds/shape_fault.ts";
import { pluginsOfModule } from "./kinds/plugin_module.ts";

/** Source of the plugins that come along. */
export const BUILT_IN = "built-in";

/** Description of one plugin, as `deno task plugins` shows it. */
export interface PluginEntry {
  /** Kind of plugin, such as `loss`. */
  kind: keyof Kinds;
  /** Name, unique within the kind. */
  name: string;
  /** Other names that a YAML file may give it. */
  aliases: readonly string[];
  /** Version; changes when results change. */
  version: string;
  /** One sentence. */
  description: string;
  /** `built-in`, or the file that it came from. */
  source: string;
  /** Options that a YAML file may set. */
  options: OptionEntry[];
}

/**
 * The plugins of one run; made by a task, passed on, never global.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { z } from "zod";
 * import { Registry } from "./registry.ts";
 * import { definePlugin } from "./kinds/plugin.ts";
 *
 * const registry = new Registry();
 * registry.define(
 *   definePlugin({
 *     kind: "model",
 *     name: "mine",
 *     version: "1",
 *     description: "A family of my own",
 *     options: z.strictObject({}),
 *     create: () => ({ modelType: "mine", parse: () => { throw new RangeError("no"); } }),
 *   }),
 *   "built-in",
 * );
 * assertEquals(registry.create("model", "mine").modelType, "mine");
 * ```
 */
export class Registry implements PluginRegistry {
  /** By kind, then by name or alias. */
  readonly #plugins: { readonly [K in keyof Kinds]: Map<string, Entry<K>> } = {
    dataset: new Map(),
    loss: new Map(),
    trainer: new Map(),
    judge: new Map(),
    model: new Map(),
    template: new Map(),
    benchmark: new Map(),
    endpoint: new Map(),
  };

  /** A registry of these plugins. @throws As {@linkcode Registry.define} does */
  constructor(plugins: Iterable<Plugin> = [], source = BUILT_IN) {
    for (const plugin of plugins) this.define(plugin, source);
  }

  /**
   * Adds a plugin.
   * @param source `built-in`, or the file that it came from, for messages
   * @param sourceHash Of its source, where that may change without the version
   * @throws {TypeError} If it isn't shaped like a plugin
   * @throws {RangeError} If the name is taken within its kind
   */
  define<K extends keyof Kinds>(plugin: Plugin<K>, source: string, sourceHash?: string): void {
    const fault = shapeFault(plugin);
    if (fault) throw new TypeError(`Cannot use a plugin of ${source} as ${fault}`);
    const plugins = this.#plugins[plugin.kind];
    const names = [plugin.name, ...plugin.aliases ?? []];
    for (const name of names) {
      const taken = plugins.get(name);
      if (taken) {
        throw new RangeError(
          `Cannot define ${plugin.kind}/${name} of ${source} as the name is taken by ${taken.source}: give it another name`,
        );
      }
    }
    for (const name of names) plugins.set(name, { plugin, source, sourceHash });
  }

  /** True if there is a plugin of this kind and name (or alias). */
  has(kind: keyof Kinds, name: string): boolean {
    return this.#plugins[kind].has(name);
  }

  /** Names of a kind, sorted, then aliases, sorted. */
  names(kind: keyof Kinds): string[] {
    const isAlias = (name: string) => this.#plugins[kind].get(name)?.plugin.name !== name;
    return [...this.#plugins[kind].keys()].sort((a, b) => +isAlias(a) - +isAlias(b) || (a < b ? -1 : 1));
  }

  /**
   * The plugin itself, for its version and schema.
   * @throws {RangeError} If there is none of that name
   */
  get<K extends keyof Kinds>(kind: K, name: string): Plugin<K> {
    const entry = this.#plugins[kind].get(name);
    if (entry) return entry.plugin;
    const names = this.names(kind), other = KINDS.find((one) => this.has(one, name));
    const source = other && this.#plugins[other].get(name)?.source;
    throw new RangeError(
      `Cannot find the ${kind} plugin "${shortened(name)}"${
        other
          ? ` (${source === BUILT_IN ? "a" : `${source} has a`} ${other} of that name)`
          : didYouMean(name.slice(0, 200), names)
      }: known are ${names.join(", ") || "none"}`,
    );
  }

  /**
   * Options with their defaults filled in, as `create` will get them; they go into run.yaml.
   * @param place Where they were written; the error begins with the place of the first one at fault
   * @throws {TypeError} If an option is unknown, missing or of the wrong type; names its path
   */
  options(
    kind: keyof Kinds,
    name: string,
    rawOptions: unknown = {},
    place: PlaceOf = nowhere,
  ): Record<string, unknown> {
    const plugin = this.get(kind, name);
    const written = rawOptions ?? {};
    const schema = zodOf(plugin);
    const parsed = schema.safeParse(
      plugin.translate && isRecord(written)
        ? placed(place(), () => plugin.translate!(written, name))
        : written,
      inWords,
    );
    if (parsed.success) return parsed.data;
    return placed(place(...issuePath(parsed.error.issues[0]!)), () => {
      throw new TypeError(
        `Cannot make ${kind}/${name} as its options don't fit: ` +
          parsed.error.issues.map((issue) => describeIssue(issue, schema, written)).join("; ") +
          // no file has a place for them
          (kind === "model" ? "; a model family is given no options: each needs a default" : ""),
      );
    });
  }

  /**
   * Makes a plugin's product.
   * @param rawOptions As written; checked against the plugin's schema
   * @param place Where the options were written, for errors
   * @throws {RangeError} If there is none of that name
   * @throws {TypeError} If the options don't fit the plugin's schema, or a plugin that isn't built in makes what its kind can't use
   */
  create<K extends keyof Kinds>(
    kind: K,
    name: string,
    rawOptions: unknown = {},
    place: PlaceOf = nowhere,
  ): Kinds[K] {
    const options = this.options(kind, name, rawOptions, place);
    const inner = new Set<string>();
    const product = placed(place(), () => {
      const plugin = this.get(kind, name), { source } = this.#plugins[kind].get(name)!;
      const make = () => plugin.create(options, { registry: this.#noting(inner), place });
      return source === BUILT_IN ? make() : checkedProduct(kind, plugin.name, source, make);
    });
    const told = "identity" in product ? "" : ` ${hashOfJson(options)}`;
    recordMakers(product, [...inner, this.identity(kind, name) + told]);
    return product;
  }

  /** This registry for one plugin: notes what makes the products that it asks for while it is made. */
  #noting(makers: Set<string>): PluginRegistry {
    return {
      has: (kind, name) => this.has(kind, name),
      names: (kind) => this.names(kind),
      get: (kind, name) => this.get(kind, name),
      sourceOf: (kind, name) => this.sourceOf(kind, name),
      identity: (kind, name) => this.identity(kind, name),
      create: (kind, name, rawOptions, place) => {
        const product = this.create(kind, name, rawOptions, place);
        for (const maker of productIdentity(product)) makers.add(maker);
        return product;
      },
    };
  }

  /**
   * Identity of a plugin, for keys of what is cached by it: `kind/name version`, and a hash of its source if it isn't built in.
   * @throws {RangeError} If there is none of that name
   */
  identity(kind: keyof Kinds, name: string): string {
    const { name: own, version } = this.get(kind, name);
    const hash = this.sourceHash(kind, own);
    return `${kind}/${own} ${version}${hash === undefined ? "" : ` ${hash}`}`;
  }

  /** Hash of a plugin's source, see `sourceHash` of plugins/kinds/source_hash.ts; undefined for a built-in one and for a package's. */
  sourceHash(kind: keyof Kinds, name: string): string | undefined {
    return this.#plugins[kind].get(name)?.sourceHash;
  }

  /** Where a plugin is from: `built-in`, or the file that it came from. @throws {RangeError} If there is none of that name */
  sourceOf(kind: keyof Kinds, name: string): string {
    this.get(kind, name);
    return this.#plugins[kind].get(name)?.source ?? BUILT_IN;
  }

  /** What plugins are from, each once: `built-in`, files. */
  sources(): Set<string> {
    return new Set(KINDS.flatMap((kind) => [...this.#plugins[kind].values()].map(({ source }) => source)));
  }

  /** Every plugin with its options in words, which takes a tenth of a second; ordered by kind, then name. */
  list(): PluginEntry[] {
    return KINDS.flatMap((kind) =>
      [...this.#plugins[kind]].filter(([name, { plugin }]) => name === plugin.name)
        .map(([name, { plugin: { version, description, options, aliases = [] }, source }]) => (
          { kind, name, aliases, version, description, source, options: describeOptions(zodOf({ options })) }
        )).sort((a, b) => a.name < b.name ? -1 : 1)
    );
  }

  /**
   * Loads a module and defines what its default export holds: a plugin or a list of them.
   * @param path Absolute, relative to `base`, or a specifier, see `isSpecifier` of plugin_module.ts
   * @param base Folder that a relative path starts from (that of the YAML file)
   * @returns The plugins that were defined
   * @throws {TypeError} If the module can't be loaded or has no plugin as its default export
   */
  async load(path: string, base: string = Deno.cwd()): Promise<Plugin[]> {
    const { plugins, hash } = await pluginsOfModule(path, base);
    for (const plugin of plugins) this.define(plugin, path, hash);
    return plugins;
  }
}

function hashOfJson(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value) ?? "").digest("hex");
}

/** A plugin, and where it came from. */
interface Entry<K extends keyof Kinds> {
  plugin: Plugin<K>;
  source: string;
  sourceHash: string | undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema with all that zod can do; `define` has checked that it is one. */
function zodOf({ options }: Pick<Plugin, "options">): z.ZodObject {
  return options as unknown as z.ZodObject;
}
