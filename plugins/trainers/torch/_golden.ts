/** Golden runs of tiny models (fixtures/goldens/tiny/train) on PyTorch's ranks, for the tests of more than one file. */
import { assertEquals, assertNotEquals } from "@std/assert";

import type { OptimizerOptions } from "../../../kernels/engine/optimizer/rules.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import { packExamples } from "../../../kernels/engine/packs/pack.ts";
import { adamwOf, assertSteps, type GoldenStart, repeatOn } from "../../../tests/helpers/golden_run.ts";
import { assertUpdate } from "../../../tests/helpers/relative_distance.ts";
import {
  idsExample,
  readAdapterTensors,
  readJson,
  TINY,
  tinyAdapter,
  tinyModel,
} from "../../../tests/helpers/tiny_model.ts";
import { optionsOf } from "./_python.ts";
import { openTorchEngine } from "./engine.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";

/** Start of a golden run of a tiny model, such as "lora_iopo_qwen2". */
export function tinyStart(run: string): GoldenStart & { arch: string } {
  const golden = readJson(`${TINY}train/${run}.json`);
  const [kind, method, arch] = run.split("_") as [string, string, string];
  const { config: decoder, weights } = tinyModel(arch);
  const { modules, initial } = tinyAdapter(arch, decoder);
  const full = kind === "full";
  return {
    golden,
    method,
    arch,
    decoder,
    tuning: full ? { type: "full" } : { type: "lora", modules, dropout: 0 },
    initial: full ? weights : initial,
    read: (name: string) => weights[name]!,
    quads: golden.data,
  };
}

/** Six steps of a golden run, in float32, in packs of so many rows; loss, norm, rate and update as the golden has them. */
export async function assertRepeats(
  ranks: Ranks,
  run: string,
  { budget, checkpointing, ...choices }: Partial<EngineChoices> & { budget: number; checkpointing: boolean },
) {
  const start = tinyStart(run), { tuning, initial, decoder } = start;
  const engine = await openTorchEngine(ranks, {
    ...optionsOf({}),
    sharding: "none",
    ...choices,
    modelPath: `${TINY}${start.arch}/model`,
    decoder,
    tuning,
    initial: tuning.type === "full" ? {} : initial,
    checkpointing,
    seed: 0,
    optimizer: adamwOf(start),
    threads: 1,
  });
  const shared = { ...engine, close: () => Promise.resolve() }; // the next run's, too
  const { steps, trained } = await repeatOn(start, shared, { budget });
  assertSteps(steps, start.golden.steps);
  const expected = readAdapterTensors(`${TINY}train/${run}.final.safetensors`);
  assertUpdate(trained, { expected, start: initial, limit: 1e-3 });
}

/** AdamW of tests without a golden. */
export const ADAMW = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 } as const;

/** The tiny qwen2 and its adapter. */
export const TINY_RUN = tinyRun();

function tinyRun() {
  const { config: decoder, weights } = tinyModel("qwen2");
  return { decoder, weights, ...tinyAdapter("qwen2", decoder) };
}

/** Opens {@linkcode TINY_RUN}, with dropout and noise. */
export function openTiny(
  ranks: Ranks,
  choices: Partial<EngineChoices>,
  {
    dropout = 0.2,
    neftuneAlpha = 5,
    labelSmoothing = 0,
    optimizer = ADAMW,
    modelPath = `${TINY}qwen2/model`,
  }: {
    dropout?: number;
    neftuneAlpha?: number;
    labelSmoothing?: number;
    optimizer?: OptimizerOptions | null;
    modelPath?: string;
  } = {},
): Promise<EngineClient> {
  const { decoder, modules, initial } = TINY_RUN;
  return openTorchEngine(ranks, {
    ...optionsOf({}),
    sharding: "none",
    ...choices,
    modelPath,
    decoder,
    tuning: { type: "lora", modules, dropout },
    initial,
    checkpointing: false,
    seed: 3,
    labelSmoothing,
    neftuneAlpha,
    optimizer,
    threads: 1,
  });
}

/** Three examples of two sequences. */
export const PACK = packExamples(
  [0, 1, 2].map((i) => idsExample({ a: [[3 + i, 7, 9], [11, 12 + i, 2]], b: [[3 + i, 7, 9], [21, 2]] })),
);

/** Every token of a vocabulary behind one prompt, as a pack of its own. */
export function everyToken(vocabSize: number) {
  const sequences = Object.fromEntries(
    Array.from(
      { length: vocabSize },
      (_, id) => [`${id}`, [[3, 9, 27], [id]]] as [string, [number[], number[]]],
    ),
  );
  return packExamples([idsExample(sequences)]);
}

/** Steps `from` to `to` of a made-up loss; gives what is trained then and the optimizer's state. */
export async function stepThrough(engine: EngineClient, from: number, to: number, dropout = true) {
  for (let step = from; step < to; step++) {
    const logps = await engine.forward(PACK, {
      adapter: true,
      keep: true,
      ...(dropout && { dropoutStep: step }),
    });
    await engine.backward(logps.map((logp, l) => logp * 0.01 * (l % 2 === 0 ? 1 : -0.5)));
    await engine.step(1e-2, 1);
  }
  return { trained: await engine.trained(), state: await engine.optimizerState() };
}

/** Two steps, and two more of an engine that was given their state, against four: the same bits. */
export async function assertResumes(ranks: Ranks, choices: Partial<EngineChoices>) {
  const straight = await stepThrough(await openTiny(ranks, choices), 0, 4);
  const half = await stepThrough(await openTiny(ranks, choices), 0, 2);
  const engine = await openTiny(ranks, choices);
  await engine.restore(half.trained, half.state);
  const resumed = await stepThrough(engine, 2, 4);
  assertEquals(resumed, straight);
  assertNotEquals(half.trained, straight.trained);
}
