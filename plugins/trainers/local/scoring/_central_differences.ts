/**
 * Gradients of losses through a whole tiny model, and central differences of the float64 reference, for tests. Differences go along directions
 * that move every trained tensor, each by about as much of the loss as another, so that one which is off by some hundredths shows.
 * @module
 */
import type { Pack } from "../../../../kernels/engine/packs/pack.ts";
import { assert } from "@std/assert";

import { entryOf, f64, float, item } from "../../../../formats/elements.ts";
import { VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from "../../../../formats/value_head/value_head.ts";
import { loraNames } from "../../../../formats/peft/names.ts";
import type { Backend } from "../../../../kernels/backend.ts";
import { referenceBackend, type ReferenceTensor } from "../../../../kernels/backends/reference/mod.ts";
import { EMBEDDING } from "../../../../kernels/engine/decoder/decoder.ts";
import { Engine } from "../../../../kernels/engine/engine.ts";
import type { EngineClient } from "../../../../kernels/engine/host.ts";
import { trainedShapes, type Tuning } from "../../../../kernels/engine/weights/tuning.ts";
import { scattered } from "../../../../kernels/testing/scattered.ts";
import { tinyAdapter, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import type { Loss } from "../../../kinds/loss.ts";
import { examplesOf, referencesOf } from "./_every_loss.ts";
import { exampleWeights, labelWeights, scorePacks } from "./score.ts";

type Values = Record<string, Float32Array<ArrayBuffer>>;

const { config, weights } = tinyModel("llama"), adapter = tinyAdapter("llama", config);
const modules = (change: { scale?: number; dora?: boolean }) =>
  Object.fromEntries(Object.entries(adapter.modules).map(([name, spec]) => [name, { ...spec, ...change }]));
const lora = (change: { scale?: number; dora?: boolean }, whole: string[] = []): Tuning => ({
  type: "lora",
  modules: modules(change),
  dropout: 0,
  whole,
});

/** Ways of tuning, by name. α is 8 and r is 4: LoRA's factor is α / r, rsLoRA's α / √r. */
export const TUNINGS: Readonly<Record<string, Tuning>> = {
  full: { type: "full" },
  freeze: {
    type: "freeze",
    tensors: ["model.layers.1.mlp.up_proj.weight", "model.layers.1.input_layernorm.weight"],
  },
  lora: lora({}),
  rslora: lora({ scale: 8 / Math.sqrt(4) }),
  dora: lora({ dora: true }),
  "lora, embedding whole": lora({}, [EMBEDDING]),
};

/** Ways of tuning with a value head. */
export const VALUE_TUNINGS: Readonly<Record<string, Tuning>> = Object.fromEntries(
  ["full", "freeze", "lora"].map((
    way,
  ) => [`${way}, value head`, { ...entryOf(TUNINGS, way), valueHead: { dropout: 0.1 } }]),
);

/** The value head that differences are taken around. */
const VALUE_HEAD: Values = {
  [VALUE_HEAD_WEIGHT]: Float32Array.from(scattered(config.hiddenSize, 77), (v) => 0.3 * v),
  [VALUE_HEAD_BIAS]: Float32Array.of(0.25),
};

/** A loss whose constants to the gradient stay what they were at first, in each pass: weights of tokens, numbers of a micro-batch. */
function held(loss: Loss): () => Loss {
  const kept: unknown[] = [];
  return () => {
    let next = 0;
    const first = <T>(make: () => T) => (kept[next] ??= make(), kept[next++] as T);
    const { tokenWeights, batch } = loss;
    return {
      ...loss,
      ...(tokenWeights && {
        tokenWeights: (tokens: Parameters<typeof tokenWeights>[0]) => first(() => tokenWeights(tokens)),
      }),
      ...(batch && { batch: (rows: Parameters<typeof batch>[0]) => first(() => batch(rows)) }),
    };
  };
}

/** Engine of the tiny model with what is trained as given; the reference is the tiny model itself. */
export function engineOf(backend: Backend, tuning: Tuning, trained: Values, base = weights): Engine {
  const head = Object.fromEntries(Object.keys(VALUE_HEAD).map((name) => [name, trained[name]]));
  const engine = new Engine(
    backend,
    { config, tuning, checkpointing: false, labelChunk: 4, keepsOriginal: true },
    (name) => entryOf(base, name),
    tuning.type === "lora" ? trained : tuning.valueHead ? head as Values : {},
  );
  if (tuning.type !== "lora") engine.parameters.restore(trained);
  return engine;
}

/** Values to start from: the adapter's, or the model's own moved a little, so that the policy isn't the reference. */
function startOf(tuning: Tuning): Values {
  const head = tuning.valueHead ? VALUE_HEAD : {};
  if (tuning.type === "lora") return { ...adapter.initial, ...head };
  const known: Values = { ...weights, ...head };
  return Object.fromEntries([...trainedShapes(config, tuning).keys()].map((name, i) => {
    const values = entryOf(known, name), way = scattered(values.length, 7 + i);
    return [name, values.map((v, k) => v + 0.02 * f64(way, k))];
  }));
}

/**
 * Engine to take differences with. DoRA's y = m / ‖V‖ ∘ (W + s B A) x holds ‖V‖ constant to gradients, as PEFT does: it is LoRA on rows that
 * are m / ‖V‖ as long, with ‖V‖ of the start.
 */
function exactEngine(tuning: Tuning, start: Values, trained: Values): Engine {
  if (tuning.type !== "lora" || tuning !== TUNINGS.dora) return engineOf(exactBackend(), tuning, trained);
  const own: Record<string, Float32Array | Float64Array> = { ...weights }, plain: Values = {};
  for (const [module, { rank, scale }] of Object.entries(tuning.modules)) {
    const { a, b, magnitude } = loraNames(module), weight = `${module}.weight`;
    const w = entryOf(weights, weight), a0 = entryOf(start, a), b0 = entryOf(start, b);
    const rows = entryOf(start, magnitude).length, columns = w.length / rows;
    const factors = Float64Array.from({ length: rows }, (_, row) => {
      let squares = 0;
      for (let c = 0; c < columns; c++) {
        let change = 0;
        for (let r = 0; r < rank; r++) change += float(b0, row * rank + r) * float(a0, r * columns + c);
        squares += (float(w, row * columns + c) + scale * change) ** 2;
      }
      return float(entryOf(trained, magnitude), row) / Math.sqrt(squares);
    });
    // Of 64 bits, which the reference keeps.
    own[weight] = Float64Array.from(w, (v, i) => v * f64(factors, Math.floor(i / columns)));
    plain[a] = entryOf(trained, a);
    plain[b] = entryOf(trained, b).map((v, i) => v * f64(factors, Math.floor(i / rank)));
  }
  return engineOf(exactBackend(), lora({}), plain, own as Values);
}

/** The reference backend, whose results keep their 64 bits. */
function exactBackend(): Backend {
  const backend = referenceBackend();
  return {
    ...backend,
    download: (tensor) => {
      const { values, type } = tensor as ReferenceTensor;
      return type === "i32"
        ? backend.download(tensor)
        : Promise.resolve(values.slice() as unknown as Float32Array<ArrayBuffer>);
    },
  };
}

type Client = Pick<EngineClient, "replicas" | "forward">;

/** Forward passes of an engine, each pack's once. */
function passesOf(engine: Engine): Client {
  const known = new Map<string, Promise<Float64Array>>();
  return {
    replicas: 1,
    forward: (pack, pass) => {
      if (!pass.adapter) return Promise.resolve(tokenReference(pack));
      const key = `${pass.measure} ${pack.ids} ${pack.until} ${pack.labelIds} ${pack.labelRows}`;
      const logps = known.get(key) ?? engine.forward(pack, { ...pass, keep: false });
      known.set(key, logps);
      return logps;
    },
  };
}

/** Log-probabilities of a reference that stays as it is, `[L]`, for losses of single tokens; those of sums have {@linkcode referencesOf}. */
function tokenReference({ labelIds }: Pack): Float64Array {
  return Float64Array.from(labelIds, (_, label) => -4.8 + 1.5 * Math.sin(2 + 3 * label));
}

/** One micro-batch of all examples: the loss of its step, and the weight of each label. */
async function stepOf(client: Client, loss: Loss, keep: boolean) {
  const examples = examplesOf(loss.shape, loss.measure), references = referencesOf(examples);
  const scoring = { engine: client as EngineClient, loss, references };
  const groups = [examples.map((_, i) => i)];
  const scored = item(await scorePacks(scoring, [{ examples, split: "train", keep, groups }]), 0);
  const weightOf = exampleWeights(loss, [examples], "micro_batches");
  const value = scored.rows.reduce((sum, row, i) => sum + row.loss * weightOf(item(examples, i)), 0);
  return { value, slopes: labelWeights(scored, weightOf) };
}

/** Gradients of a step of all examples by what is trained. */
export async function gradientsOf(engine: Engine, loss: Loss): Promise<Values> {
  const client: Client = {
    replicas: 1,
    forward: (pack, pass) =>
      pass.adapter ? engine.forward(pack, pass) : Promise.resolve(tokenReference(pack)),
  };
  engine.parameters.tuned.zeroGradients();
  const { slopes } = await stepOf(client, loss, true);
  await engine.backward(slopes);
  const found = await engine.parameters.gradients();
  return Object.fromEntries(
    [...engine.parameters.trained.keys()].map((name, i) => [name, item(found, i).slice()]),
  );
}

/** Two places on both sides of the start, and the losses there, in the losses' order. */
interface Direction {
  low: Values;
  high: Values;
  differences: number[];
}

const DIRECTIONS = 2;
/** By how much at most a number of a tensor is moved. */
const MOST = 1e-3;

/** Central differences of all losses, by arithmetic in float64. */
export async function differencesOf(
  tuning: Tuning,
  made: readonly Loss[],
): Promise<{ start: Values; directions: Direction[] }> {
  const engine = engineOf(exactBackend(), tuning, startOf(tuning)), start = await engine.parameters.values();
  const gradients = await gradientsOf(engine, item(made, 0));
  const sizes = Object.entries(gradients).map(([name, g]) => [name, Math.hypot(...g)] as const);
  const least = Math.min(...sizes.map(([, size]) => size));
  assert(least > 0, "each tensor is reached");
  const atStart = passesOf(engine), constants = made.map(held);
  for (const of of constants) await stepOf(atStart, of(), false);
  const directions: Direction[] = [];
  for (let seed = 0; seed < DIRECTIONS; seed++) {
    const moved = (sign: number) =>
      Object.fromEntries(sizes.map(([name, size], i) => {
        const values = entryOf(start, name), way = scattered(values.length, 100 * seed + i);
        return [name, values.map((v, k) => v + sign * MOST * least / size * f64(way, k))];
      }));
    const low = moved(-1), high = moved(1);
    const [below, above] = [low, high].map((values) => passesOf(exactEngine(tuning, start, values)));
    const differences: number[] = [];
    for (const of of constants) {
      const [a, b] = [await stepOf(below!, of(), false), await stepOf(above!, of(), false)];
      differences.push(b.value - a.value);
    }
    directions.push({ low, high, differences });
  }
  return { start, directions };
}
