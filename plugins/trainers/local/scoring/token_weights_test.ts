/**
 * use_dft_loss, ld_alpha, use_eaft_loss and use_asft_loss against LLaMA-Factory's own functions in float64 (make_token_weights.py and make_token_measures.py in
 * fixtures/goldens/tiny/make).
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { entryOf, f64, item } from "../../../../formats/elements.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { Engine } from "../../../../kernels/engine/engine.ts";
import type { EngineClient } from "../../../../kernels/engine/host.ts";
import { packExamples } from "../../../../kernels/engine/packs/pack.ts";
import { backendsAndGpuLike, readJson, TINY } from "../../../../tests/helpers/tiny_model.ts";
import { tinyEngine, type TinyTuning } from "../../../../tests/helpers/tiny_engine.ts";
import { defineLoss, type Loss } from "../../../kinds/loss.ts";
import { losses } from "../../../losses/mod.ts";
import { Registry } from "../../../registry.ts";
import { ReferenceCache } from "./reference.ts";
import { exampleWeights, labelWeights, scorePacks } from "./score.ts";
import { ownerWeights, sequenceSums } from "./sequence_sums.ts";

type Row = [ids: number[], labels: number[]];

interface Golden {
  alpha: number;
  beta: number;
  pairs: [chosen: Row, rejected: Row][];
  dft: Record<TinyTuning, Expected>;
  ld: Record<TinyTuning, Expected & { policy: number[] }>;
}

interface Expected {
  loss: number;
  gradients: Record<string, [norm: number, projection: number]>;
}

const made = (name: string, options: Record<string, unknown>) =>
  new Registry(losses).create("loss", name, options);

function example(rows: Record<string, Row>, index: number): EncodedExample {
  const sequences = Object.entries(rows).map(([name, [input_ids, labels]]) => ({ name, input_ids, labels }));
  return { sequences, index, source: { file: "f", row: index } };
}

/** Rows of golden.json for sft, its pairs for dpo. */
function examplesOf(arch: string, { pairs }: Golden) {
  const { sequences, labels } = readJson(`${TINY}${arch}/golden.json`);
  return {
    dft: sequences.map((ids: number[], i: number) => example({ y: [ids, labels[i]] }, i)) as EncodedExample[],
    ld: pairs.map(([chosen, rejected], i) => example({ chosen, rejected }, i)),
  };
}

async function assertStep(
  engine: Engine,
  loss: Loss,
  examples: EncodedExample[],
  expected: Expected & { policy?: number[] },
) {
  const client = {
    replicas: 1,
    forward: (pack, pass) => engine.forward(pack, pass),
  } as Pick<EngineClient, "replicas" | "forward"> as EngineClient;
  const scoring = { engine: client, loss, references: new ReferenceCache() };
  const [scored] = await scorePacks(scoring, [{ examples, split: "train", keep: true }]);
  if (!scored) throw new Error("Cannot test as nothing was scored");
  const weightOf = exampleWeights(loss, [examples], "micro_batches");
  const value = scored.rows.reduce((sum, row, i) => sum + row.loss * weightOf(item(examples, i)), 0);
  assertAlmostEquals(value, expected.loss, 1e-5);
  const told = ["chosen", "rejected"].flatMap((n) => scored.rows.map((r) => r.metrics[`logps/${n}`] ?? NaN));
  expected.policy?.forEach((sum, i) => assertAlmostEquals(item(told, i), sum, 2e-4));
  await engine.backward(labelWeights(scored, weightOf));
  const names = [...engine.parameters.trained.keys()], found = await engine.parameters.gradients();
  assertEquals(names.toSorted(), Object.keys(expected.gradients).sort());
  names.forEach((name, i) => {
    const [norm, projection] = entryOf(expected.gradients, name);
    let squares = 0, product = 0;
    item(found, i).forEach((v, place) => {
      squares += v ** 2;
      product += v * Math.cos(place);
    });
    assertAlmostEquals(Math.sqrt(squares), norm, 1e-5 + 1e-4 * norm, `norm of ${name}`);
    assertAlmostEquals(product, projection, 1e-5 + 1e-4 * norm, `projection of ${name}`);
  });
  await engine.dispose();
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  for (const arch of ["llama", "qwen2"]) {
    for (const tuning of ["full", "lora"] as const) {
      for (const form of ["dft", "ld"] as const) {
        Deno.test({
          name: `${form}: losses and all gradients are LLaMA-Factory's (${arch}, ${tuning}, ${name})`,
          ignore,
          fn: async () => {
            const golden: Golden = readJson(`${TINY}${arch}/token_weights.json`);
            const { alpha, beta } = golden;
            const loss = form === "dft" ? made("sft", { dft: true }) : made("dpo", { beta, ld_alpha: alpha });
            const engine = tinyEngine(arch, tuning, await make());
            await assertStep(engine, loss, examplesOf(arch, golden)[form], golden[form][tuning]);
          },
        });
      }
    }
  }
}

interface Measured {
  eaft_alpha: number;
  asft_alpha: number;
  eaft: Record<TinyTuning, Expected>;
  asft: Record<TinyTuning, Expected>;
}

/** What is trained, moved from the model as the golden's script does it. */
async function moveTrained({ parameters }: Engine): Promise<void> {
  const values = Object.entries(await parameters.values());
  parameters.restore(
    Object.fromEntries(values.map(([name, own]) => [name, own.map((v, i) => v + 0.02 * Math.sin(i))])),
  );
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  for (const arch of ["llama", "qwen2"]) {
    for (const tuning of ["full", "lora"] as const) {
      for (const form of ["eaft", "asft"] as const) {
        Deno.test({
          name: `${form}: losses and all gradients are LLaMA-Factory's (${arch}, ${tuning}, ${name})`,
          ignore,
          fn: async () => {
            const golden: Measured = readJson(`${TINY}${arch}/token_measures.json`),
              option = `${form}_alpha` as const;
            const { sequences, labels } = readJson(`${TINY}${arch}/golden.json`);
            const examples = sequences.map((ids: number[], i: number) => example({ y: [ids, labels[i]] }, i));
            const engine = tinyEngine(arch, tuning, await make(), { keepsOriginal: form === "asft" });
            if (form === "asft" && tuning === "full") await moveTrained(engine);
            await assertStep(
              engine,
              made("sft", { [option]: golden[option] }),
              examples,
              golden[form][tuning],
            );
          },
        });
      }
    }
  }
}

Deno.test("of a fresh adapter's policy and of a model before its first step the divergence is 0, and a pass with all rows has them in order", async () => {
  const { make } = item(await backendsAndGpuLike(), 0);
  const engine = tinyEngine("llama", "full", await make(), { keepsOriginal: true });
  const pack = packExamples([example({ y: row([3, 9], [27, 81, 5]) }, 0)]),
    given = { adapter: true, keep: false };
  const plain = await engine.forward(pack, given),
    best = await engine.forward(pack, { ...given, best: true });
  const all = await engine.forward(pack, { ...given, best: true, measure: "divergence" });
  assertEquals(all.length, 9);
  assertEquals([...all.subarray(0, 6)], [...best]);
  assertEquals([...best.subarray(0, 3)].map((v) => v.toFixed(5)), [...plain].map((v) => v.toFixed(5)));
  for (const value of all.subarray(6)) assertAlmostEquals(value, 0, 1e-6);
  const entropies = await engine.forward(pack, { ...given, measure: "top_entropy" });
  for (const value of entropies.subarray(3)) assert(value > 0 && value < Math.log(20));
  await engine.dispose();
});

const measures = new Float64Array();
const row = (prompt: number[], answer: number[]): Row => [
  [...prompt, ...answer],
  [...prompt.map(() => -100), ...answer],
];

Deno.test("a label of two sequences has a weight in each; α weighs the longer answer past the shorter one's length", () => {
  const examples = [
    example({ chosen: row([1, 2], [5, 6, 7]), rejected: row([1, 2], [8]) }, 0),
    example({ chosen: row([1, 2], [5, 6, 7]), rejected: row([1, 2], [9, 10]) }, 1),
  ];
  const pack = packExamples(examples, { shared: true }),
    logps = Float64Array.from(pack.labelIds, (id) => -id);
  for (const name of ["dpo", "simpo", "orpo"]) {
    const weights = ownerWeights(made(name, { ld_alpha: 0.5 }), pack, 2, { logps, measures });
    assertEquals([...sequenceSums(pack, logps, weights)], [-5 - 3 - 3.5, -8, -5 - 6 - 3.5, -19], name);
    assertEquals(ownerWeights(made(name, {}), pack, 2, { logps, measures }), null);
  }
});

Deno.test("positions are counted from an answer's first label, masked tokens between labels included", () => {
  // by hand from get_batch_logps: tokens before start + the shorter length are in front
  const chosen: Row = [[1, 5, 6, 7, 8], [-100, 5, -100, 7, 8]], rejected = row([1, 2, 3], [9, 10]);
  const pack = packExamples([example({ chosen, rejected }, 0)]),
    logps = Float64Array.from(pack.labelIds, (id) => -id);
  const weights = ownerWeights(made("dpo", { ld_alpha: 0 }), pack, 1, { logps, measures });
  assertEquals([...sequenceSums(pack, logps, weights)], [-5, -19]);
});

Deno.test("slopes of labels are central differences with the weights held", async () => {
  const examples = [
    example({ chosen: row([1], [3, 4, 5]), rejected: row([1], [3]) }, 0),
    example({ chosen: row([1], [3, 4]), rejected: row([1], [3, 4, 6]) }, 1),
  ];
  const base = Float64Array.from(packExamples(examples, { shared: true }).labelIds, (id) => -id / 7);
  const loss = made("dpo", { beta: 0.7, ld_alpha: 0.4, pref_ftx: 0.3 });
  const score = async (logps: Float64Array) => {
    const engine = {
      replicas: 1,
      forward: (_, { adapter }) => Promise.resolve(adapter ? logps : base),
    } as Pick<EngineClient, "replicas" | "forward"> as EngineClient;
    const given = { examples, split: "train", keep: true } as const;
    return item(await scorePacks({ engine, loss, references: new ReferenceCache() }, [given]), 0);
  };
  const at = base.map((v, l) => v - 0.1 * l);
  const weights = labelWeights(await score(at), () => 1);
  for (let l = 0; l < at.length; l++) {
    const value = async (by: number) =>
      (await score(at.map((v, i) => i === l ? v + by : v))).rows.reduce((sum, { loss }) => sum + loss, 0);
    assertAlmostEquals(f64(weights, l), (await value(1e-5) - await value(-1e-5)) / 2e-5, 1e-8);
  }
});

Deno.test("weights that don't fit a sequence are refused by its name", () => {
  const pack = packExamples([example({ y: row([1], [2, 3]) }, 0)]), logps = Float64Array.of(-1, -2);
  const cases: [number[], string][] = [
    [[1], "current value is 1 of them"],
    [[1, NaN], "current value is NaN at 1"],
    [[Infinity, 1], "current value is Infinity at 0"],
  ];
  for (const [given, words] of cases) {
    const loss = defineLoss({
      shape: "single",
      sequences: { y: ["x", "y"] },
      needsReference: false,
      normalize: "label_tokens",
      tokenWeights: () => ({ y: Float64Array.from(given) }),
      loss: ({ policy }) => ({ loss: policy.y.neg(), metrics: {} }),
    });
    assertThrows(
      () => ownerWeights(loss, pack, 1, { logps, measures }),
      RangeError,
      `must give 2 finite numbers: ${words}`,
    );
  }
});
