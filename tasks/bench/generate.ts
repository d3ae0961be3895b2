/**
 * Speed of generating: prompt tokens a second, and tokens a second of one and of several sequences at once.
 *
 *     deno task bench generate --model MODEL [--prompt 512] [--steps 32] [--batches 1,8] [--json]
 *
 * That steps with the cache give what a whole pass gives is checked before anything is timed.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { makeBackend } from "../../kernels/engine/backends.ts";
import { GenerationEngine } from "../../kernels/engine/generate/engine.ts";
import type { BackendChoice } from "../../kernels/engine/host.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";

/** What is measured. */
export interface GenerateBench {
  /** Directory, GGUF file or hub id. */
  model: string;
  /** Where it runs. */
  device: BackendChoice;
  /** Tokens of the prompt, ≥ 8. */
  prompt: number;
  /** Steps that are timed, ≥ 1. */
  steps: number;
  /** Sequences at once. */
  batches: readonly number[];
}

/** Figures. */
export interface GenerateFigures {
  /** What it ran on. */
  backend: string;
  /** Seconds from opening the model to the first token's logits of an eight-token prompt. */
  start: number;
  /** Largest difference of a logit with and without the cache. */
  difference: number;
  /** Prompt tokens a second. */
  promptSpeed: number;
  /** Per batch size: milliseconds of a step (median) and tokens a second of all sequences (mean, cache layouts included). */
  decode: { batch: number; step: number; speed: number }[];
}

/** Measures; prints nothing. @throws {Error} If the cache changes the logits. */
export async function benchGenerate({ model: name, device, prompt, steps, batches }: GenerateBench): Promise<
  GenerateFigures
> {
  const began = performance.now(),
    model = await openModel(name),
    config = decoderOf(builtinRegistry(), model);
  const backend = await makeBackend(device);
  const engine = new GenerationEngine(
    backend,
    { config, tuning: { type: "none" } },
    (tensor) => model.weights.read(tensor),
  );
  model.weights.close();
  const ids = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => (7 + 31 * (i + from) + (i * i) % 89) % config.vocabSize);
  const whole = await engine.add(ids(8));
  const start = (performance.now() - began) / 1000;
  await engine.keep([]);
  const difference = await checkCache(engine, ids(8), whole);

  await engine.add(ids(prompt));
  await engine.keep([]);
  const promptTime = await timed(() => engine.add(ids(prompt)));
  await engine.keep([]);

  const decode: GenerateFigures["decode"] = [];
  for (const batch of batches) {
    for (let s = 0; s < batch; s++) await engine.add(ids(prompt, s));
    await engine.step(ids(batch));
    const times: number[] = [];
    for (let i = 0; i < steps; i++) times.push(await timed(() => engine.step(ids(batch, i))));
    await engine.keep([]);
    const sum = times.reduce((a, b) => a + b, 0);
    const step = times.toSorted((a, b) => a - b)[Math.floor(steps / 2)]!;
    decode.push({ batch, step, speed: 1000 * batch * steps / sum });
  }
  await engine.dispose();
  return {
    backend: `${backend.name}: ${backend.description}`,
    start,
    difference,
    promptSpeed: 1000 * prompt / promptTime,
    decode,
  };
}

/** Logits of the last three tokens' way through the cache against those of the whole pass. */
async function checkCache(engine: GenerationEngine, ids: number[], whole: Float32Array): Promise<number> {
  await engine.add(ids.slice(0, -3));
  let logits: Float32Array = new Float32Array(0);
  for (const id of ids.slice(-3)) logits = await engine.step([id]);
  await engine.keep([]);
  const difference = logits.reduce((max, v, i) => Math.max(max, Math.abs(v - item(whole, i))), 0);
  const size = whole.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  if (!(difference <= 1e-4 * size)) {
    throw new Error(`Cannot time a wrong engine: logits with and without the cache differ by ${difference}`);
  }
  return difference;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** A human-readable table. */
export function generateBenchText(bench: GenerateBench, figures: GenerateFigures): string {
  return [
    `${bench.model} on ${figures.backend}; prompts of ${bench.prompt} tokens, ${bench.steps} steps`,
    `start to first token  ${figures.start.toFixed(2)} s`,
    `prompt                ${figures.promptSpeed.toFixed(0)} tokens/s`,
    ...figures.decode.map(({ batch, step, speed }) =>
      `${String(batch).padStart(3)} at once           ${speed.toFixed(1)} tokens/s (a step ${
        step.toFixed(1)
      } ms)`
    ),
    `with and without the cache, logits differ by ${figures.difference.toExponential(1)}`,
  ].join("\n");
}
