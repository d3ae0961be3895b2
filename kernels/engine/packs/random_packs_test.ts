/**
 * Packs of random examples beside their sequences one at a time, as exactness_test.ts has it for chosen ones: prompts of no token, one and many,
 * that begin alike or not; answers of one token; conversations with several learnt turns; labels that aren't the tokens in their place; tokens behind
 * the last label. 50 draws for each model in `deno task test:all`, 4 elsewhere; through WebGPU, whose software adapter takes a second each, 8 and 2.
 */
import { assert } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import { repetitions } from "../../../tests/helpers/repetitions.ts";
import { backendsAndGpuLike, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { MT19937 } from "../../random/mt19937.ts";
import { Engine } from "../engine.ts";
import type { EncodedExample } from "./encoded.ts";
import { type Pack, packExamples } from "./pack.ts";

/** Draws by a seed. */
function chooser(seed: number) {
  const generator = new MT19937(seed);
  const below = (n: number) => generator.next() % n;
  return {
    below,
    chance: (percent: number) => below(100) < percent,
    size: (n: number) => below(below(n) + 1),
  };
}

type Chooser = ReturnType<typeof chooser>;

function turn({ below }: Chooser, count: number): number[] {
  // Few different tokens, so that turns begin alike by chance, too.
  return Array.from({ length: count }, () => 3 + below(below(4) === 0 ? 80 : 3));
}

/** Tokens, and what is learnt in their places. */
interface Learnt {
  ids: number[];
  labels: number[];
}

/** A conversation that begins with `begin` and whose last label may have tokens behind it; it always has a label that counts. */
function conversation(choose: Chooser, begin: Learnt): Learnt {
  const { below, chance, size } = choose, ids = [...begin.ids], labels = [...begin.labels];
  for (let turns = 1 + size(3); turns > 0; turns--) {
    const asked = turn(choose, size(12)), answered = turn(choose, 1 + size(9));
    ids.push(...asked, ...answered);
    // Now and then a token of the answer isn't learnt, or another one in its place.
    labels.push(
      ...asked.map(() => -100),
      ...answered.map((id) => chance(10) ? -100 : chance(5) ? 7 : id),
    );
  }
  const behind = turn(choose, chance(20) ? 1 + below(3) : 0);
  ids.push(...behind);
  labels.push(...behind.map(() => -100));
  if (!labels.slice(1).some((id) => id !== -100)) {
    ids.push(5, 6);
    labels.push(5, 6);
  }
  return { ids, labels };
}

/** The examples of a step; a sequence may begin as an earlier one does, some of its answers included. */
function examples(choose: Chooser): EncodedExample[] {
  const { below, chance, size } = choose, prompt = (ids: number[]) => ({ ids, labels: ids.map(() => -100) });
  const system = turn(choose, size(30)), known: Learnt[] = [];
  const begins = () => [
    ...[[], system, [...system, ...turn(choose, size(20))], turn(choose, 1)].map(prompt),
    ...known.map(({ ids, labels }) => {
      const count = 1 + below(ids.length);
      return { ids: ids.slice(0, count), labels: labels.slice(0, count) };
    }),
  ];
  return Array.from({ length: 1 + below(5) }, (_, index) => ({
    index,
    source: { file: "random", row: index },
    sequences: Array.from({ length: 1 + below(4) }, (_, s) => {
      const own = begins(), whole = known.at(-1);
      const made = whole && chance(10) ? whole : conversation(choose, item(own, below(own.length)));
      known.push(made);
      return { name: `s${s}`, input_ids: made.ids, labels: made.labels };
    }),
  }));
}

/** Sums of each sequence's log-probabilities in their order, and gradients of these sums, each weighed by its own factor. */
async function passOf(engine: Engine, packs: readonly Pack[], factors: readonly number[]) {
  engine.parameters.tuned.zeroGradients();
  const sums: number[] = [];
  for (const pack of packs) {
    const logps = await engine.forward(pack, { adapter: true, keep: true });
    const first = sums.length, weights = new Float64Array(logps.length);
    sums.push(...pack.sequences.map(() => 0));
    logps.forEach((logp, l) => {
      for (const s of pack.owners.subarray(pack.ownerStart[l], pack.ownerStart[l + 1])) {
        sums[first + s]! += logp;
        weights[l]! += item(factors, first + s);
      }
    });
    await engine.backward(weights);
  }
  return { sums, gradients: (await engine.parameters.gradients()).map((g) => g.slice()) };
}

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, allowed: number, what: string) {
  for (let i = 0; i < expected.length; i++) {
    const isNear = Math.abs(actual[i]! - expected[i]!) <= allowed;
    // Words only where they are needed: made for each number they take longer than the comparison.
    if (!isNear) assert(isNear, `${what} ${i} is ${actual[i]}, alone ${expected[i]}`);
  }
}

/** Models, and what differs among engines: windows of some layers, what is trained, checkpointing. */
const CASES = [
  { arch: "mistral", windows: [5, null], tuning: "lora", checkpointing: true },
  { arch: "qwen2", windows: [null, 1], tuning: "full", checkpointing: false },
  { arch: "gemma2", windows: [4, null], tuning: "full", checkpointing: true },
  { arch: "gemma3", windows: [3, 9], tuning: "lora", checkpointing: false },
] as const;

for (
  const { name, ignore, make } of (await backendsAndGpuLike()).filter((b) => !b.name.startsWith("reference"))
) {
  for (const { arch, windows, tuning, checkpointing } of CASES) {
    Deno.test({
      name: `Engine: random packs equal their sequences one at a time (${arch}, ${tuning}, ${name})`,
      ignore,
      fn: async () => {
        const { config, weights } = tinyModel(arch), adapter = tinyAdapter(arch, config);
        const engine = new Engine(
          await make(),
          {
            config: { ...config, slidingWindow: config.slidingWindow.map((_, i) => windows[i % 2]!) },
            tuning: tuning === "full"
              ? { type: "full" }
              : { type: "lora", modules: adapter.modules, dropout: 0 },
            checkpointing,
          },
          (tensor) => weights[tensor]!,
          tuning === "full" ? {} : adapter.initial,
        );
        const draws = name.startsWith("webgpu") ? repetitions(8, 2) : repetitions(50, 4);
        for (let seed = 0; seed < draws; seed++) {
          const drawn = examples(chooser(seed));
          const alone = drawn.flatMap((e) =>
            e.sequences.map((s) => packExamples([{ ...e, sequences: [s] }]))
          );
          const factors = alone.map((_, i) => Math.cos(1 + 2 * i));
          const right = await passOf(engine, alone, factors);
          for (const shared of [false, true]) {
            const pack = packExamples(drawn, { shared }), what = `seed ${seed}${shared ? ", shared" : ""}:`;
            const found = await passOf(engine, [pack], factors);
            // Sums of up to some 60 log-probabilities of about −5.
            assertNear(found.sums, right.sums, 1e-3, `${what} sum`);
            right.gradients.forEach((g, t) => {
              const scale = g.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
              assertNear(item(found.gradients, t), g, 1e-4 * Math.max(1, scale), `${what} gradient ${t} at`);
            });
          }
        }
        await engine.dispose();
      },
    });
  }
}
