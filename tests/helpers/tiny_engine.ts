/** Engines of the tiny models, for tests that train them in more than one way. */
import type { Backend } from "../../kernels/backend.ts";
import { Engine, type EngineOptions } from "../../kernels/engine/engine.ts";
import { entryOf } from "../../formats/elements.ts";
import { tinyAdapter, tinyModel } from "./tiny_model.ts";

/** What is trained: all weights, or the model's adapter. */
export type TinyTuning = "full" | "lora";

/**
 * Engine of a tiny model in float32, without checkpointing, the head in chunks of 4 labels.
 * @param choices Of the engine; `change` gets each trained tensor before the engine does
 */
export function tinyEngine(
  arch: string,
  tuning: TinyTuning,
  backend: Backend,
  { change = () => {}, ...choices }:
    & Pick<EngineOptions, "labelSmoothing" | "neftuneAlpha" | "body" | "seed" | "keepsOriginal">
    & { change?: ((name: string, values: Float32Array<ArrayBuffer>) => void) | undefined } = {},
): Engine {
  const { config, weights } = tinyModel(arch), adapter = tinyAdapter(arch, config);
  for (const [name, values] of Object.entries(tuning === "full" ? weights : adapter.initial)) {
    change(name, values);
  }
  return new Engine(
    backend,
    {
      config,
      tuning: tuning === "full" ? { type: "full" } : { type: "lora", modules: adapter.modules, dropout: 0 },
      checkpointing: false,
      labelChunk: 4,
      ...choices,
    },
    (name) => entryOf(weights, name),
    tuning === "full" ? {} : adapter.initial,
  );
}
