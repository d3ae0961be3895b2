/**
 * The plugins that take part in a run, written down as they are made.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/loaded_model.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { checkOwnDecoder, familyOf } from "../../../plugins/kinds/decoder_of.ts";
import { nowhere, type PlaceOf } from "../../../plugins/kinds/place.ts";
import type { Kinds } from "../../../plugins/kinds/plugin.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { type UsedPlugin, usedPlugin } from "../config/mod.ts";

/** Makes plugins, and keeps which ones for run.yaml. */
export class UsedPlugins {
  /** Those made so far, each once. */
  readonly list: UsedPlugin[] = [];

  constructor(readonly registry: Registry) {}

  /**
   * Makes a plugin.
   * @param written Its options as they were written
   * @param place Where they were
   * @throws {RangeError} If there is none of that name, or an option isn't its
   */
  use<K extends keyof Kinds>(
    kind: K,
    name: string,
    written: Record<string, unknown>,
    place: PlaceOf = nowhere,
  ): Kinds[K] {
    const options = this.registry.options(kind, name, written, place);
    this.list.push(usedPlugin(this.registry, kind, name, options));
    return this.registry.create(kind, name, written, place);
  }

  /** A model's config.json as its family reads it. */
  parse(model: LoadedModel): DecoderConfig {
    const family = familyOf(this.registry, model);
    const isUsed = this.list.some((one) => one.kind === "model" && one.name === family);
    const plugin = isUsed ? this.registry.create("model", family) : this.use("model", family, {});
    const decoder = plugin.parse(model.config, model.configFile);
    checkOwnDecoder(this.registry, model, { family, decoder });
    return decoder;
  }
}
