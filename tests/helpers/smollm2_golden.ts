/** SmolLM2-135M-Instruct and its golden runs (shared/goldens/smollm2), for the tests of more than one file. */
import { assertEquals } from "@std/assert";

import { assertUpdate } from "./relative_distance.ts";
import { sharedForSmollm2, SMOLLM2 } from "./shared_data.ts";
import type { Backend } from "../../kernels/backend.ts";
import { type LoadedModel, openModel } from "../../formats/hf_model/mod.ts";
import { readAdapterTensors, readJson } from "./tiny_model.ts";
import { models } from "../../plugins/models/mod.ts";
import { Registry } from "../../plugins/registry.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { linearModules } from "../../kernels/engine/decoder/decoder.ts";
import { type GoldenStart, repeatRun } from "./golden_run.ts";

const { path, ignore, why } = sharedForSmollm2("goldens/smollm2");

/** Where they lie. */
export const GOLDENS = `${path}/`;

/** `ignore` if model or goldens are missing; `why` is for names of tests. */
export { ignore, why };

/** Opens the model. */
export async function smollm2() {
  const model = await openModel(SMOLLM2);
  return { model, decoder: decoderOf(new Registry(models), model) };
}

/** Start of a golden run of SmolLM2, and the model, to be closed. */
export async function smollm2Start(method: string): Promise<{ start: GoldenStart; model: LoadedModel }> {
  const { model, decoder } = await smollm2();
  const golden = readJson(`${GOLDENS}train_${method}.json`);
  const initial = readAdapterTensors(`${GOLDENS}lora_init/adapter_model.safetensors`);
  const names = Array.from(
    { length: decoder.numLayers },
    (_, i) => linearModules(decoder).map((m) => `model.layers.${i}.${m}`),
  ).flat();
  const quads: GoldenStart["quads"] = golden.data.map((q: Record<string, number[]>) => ({
    x1: q.x1_ids,
    y1: q.y1_ids,
    x2: q.x2_ids,
    y2: q.y2_ids,
  }));
  const tuning = {
    type: "lora" as const,
    modules: Object.fromEntries(names.map((n) => [n, { rank: 8, scale: 2 }])),
    dropout: 0,
  };
  const read = (name: string) => model.weights.read(name);
  return { start: { golden, method, decoder, tuning, initial, read, quads }, model };
}

/** A golden run of SmolLM2 on a backend; all its steps, or the first `limit`. */
export async function repeat(method: string, backend: Backend, checkpointing: boolean, limit?: number) {
  const { start, model } = await smollm2Start(method);
  const before = Object.fromEntries(Object.entries(start.initial).map(([name, v]) => [name, v.slice()]));
  const { steps, trained } = await repeatRun(start, backend, { budget: 1536, checkpointing, limit });
  model.weights.close();
  return { golden: start.golden, start: before, steps, trained };
}

/** Asserts that every tensor of the start was trained, and that those of the layers which the golden keeps (0, 14, 29) end as it has them. */
export function assertFinal(
  method: string,
  { start, trained }: Record<"start" | "trained", GoldenStart["initial"]>,
): void {
  assertEquals(Object.keys(trained).sort(), Object.keys(start).sort(), "trained tensors");
  const expected = readAdapterTensors(`${GOLDENS}lora_final_${method}.safetensors`);
  const kept = Object.fromEntries(Object.entries(trained).filter(([name]) => name in expected));
  assertUpdate(kept, { expected, start, limit: 2e-3 });
}
