/**
 * Endpoint `local`: answers by this project's own engine, from a model directory, a GGUF file or a hub id, with a PEFT
 * adapter on top if wanted. Requests that are asked at once share the engine's steps.
 *
 * A prompt that fills the context is the outcome `context_length`; an answer that reaches the end of the context is `length`.
 * @module
 */
import { basename } from "@std/path";

import type { Endpoint } from "../kinds/endpoint.ts";
import { placed, placeUnder } from "../kinds/place.ts";
import { definePlugin, type Plugin, type PluginContext } from "../kinds/plugin.ts";
import { ModelHolder } from "./local/model_holder.ts";
import { type LocalOptions, Options } from "./local/options.ts";

export type { LocalOptions };

/** The plugin, see the module's text. */
const local: Plugin<"endpoint", typeof Options> = definePlugin({
  kind: "endpoint",
  name: "local",
  version: "1",
  description: "This project's own engine: model directory, GGUF file or hub id, with or without an adapter",
  options: Options,
  create: localEndpoint,
});
export default local;

/**
 * Makes the endpoint; the model is opened with the first request.
 * @throws {RangeError} If there is no template of that name, or a path isn't there.
 */
function localEndpoint(options: LocalOptions, { registry, place }: PluginContext): Endpoint {
  const { model, adapter, name, template, template_options, max_batch, thought_tags } = options;
  const made = placed(
    place("template"),
    () => registry.create("template", template, template_options, placeUnder(place, "template_options")),
  );
  const holder = new ModelHolder(options, made, { registry });
  return {
    model: name ?? `${basename(model)}${adapter === null ? "" : `+${basename(adapter)}`}`,
    onThisMachine: true,
    get identity() {
      return holder.identity;
    },
    get earlierIdentity() {
      return holder.earlierIdentity;
    },
    get revision() {
      return holder.revision;
    },
    get notes() {
      return holder.notes;
    },
    prepare: (say = () => {}) => holder.prepare(say),
    concurrency: max_batch,
    thoughtTags: thought_tags,
    // one's own machine isn't paid by the token
    prices: { input: 0, output: 0 },
    complete: (request, signal) => holder.complete(request, signal),
    close: () => holder.close(),
  };
}
