/**
 * The plugins that come with the project, each imported by name: nothing registers itself on import.
 * @module
 */
import type { Plugin } from "./kinds/plugin.ts";
import { benchmarks } from "./benchmarks/mod.ts";
import { datasets } from "./datasets/mod.ts";
import { endpoints } from "./endpoints/mod.ts";
import { judges } from "./judges/mod.ts";
import { losses } from "./losses/mod.ts";
import { models } from "./models/mod.ts";
import { Registry } from "./registry.ts";
import { templates } from "./templates/mod.ts";
import { trainers } from "./trainers/mod.ts";

/** Every built-in plugin. */
export function builtinPlugins(): readonly Plugin[] {
  return [
    ...datasets,
    ...losses,
    ...trainers,
    ...judges,
    ...models,
    ...templates,
    ...benchmarks,
    ...endpoints,
  ];
}

/** A registry that holds the built-in plugins; a run adds its own to it. */
export function builtinRegistry(): Registry {
  return new Registry(builtinPlugins());
}
