/** The value head on every backend: what it reads, and what training drops of that. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";

import { entryOf, f64 } from "../../../formats/elements.ts";
import { VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from "../../../formats/value_head/value_head.ts";
import { backendsAndGpuLike, idsExample, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import type { Backend } from "../../backend.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";

const { config, weights } = tinyModel("llama"), width = config.hiddenSize, rate = 0.25;
const { sequences, ...rest } = idsExample({ a: [[3, 9], [27, 5]], b: [[3, 9], [81]], c: [[4], [6, 7]] });
const pack = packExamples([
  { ...rest, sequences: sequences.map((s) => ({ ...s, measure: "value" as const })) },
]);

function engineWith(backend: Backend, weight: Float32Array<ArrayBuffer>, bias = 0): Engine {
  const tuning = { type: "none" as const, valueHead: { dropout: rate } };
  return new Engine(
    backend,
    { config, tuning, checkpointing: false, seed: 11 },
    (name) => entryOf(weights, name),
    { [VALUE_HEAD_WEIGHT]: weight, [VALUE_HEAD_BIAS]: Float32Array.of(bias) },
  );
}

const unit = (column: number) => Float32Array.from({ length: width }, (_, c) => c === column ? 1 : 0);

/** Values of every column alone, `[columns][L]`: the numbers that the head reads. */
async function readColumns(engine: Engine, dropoutStep?: number): Promise<Float64Array[]> {
  const found: Float64Array[] = [];
  for (let column = 0; column < width; column++) {
    engine.parameters.restore({ [VALUE_HEAD_WEIGHT]: unit(column), [VALUE_HEAD_BIAS]: new Float32Array(1) });
    const step = dropoutStep === undefined ? {} : { dropoutStep };
    found.push(await engine.forward(pack, { adapter: true, keep: false, ...step }));
  }
  return found;
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  Deno.test({
    name:
      `ValueHead: a value is the product with what is read and the bias; training drops a share of that, the same at the same step (${name})`,
    ignore,
    fn: async () => {
      const weight = Float32Array.from({ length: width }, (_, c) => Math.sin(c + 1));
      const engine = engineWith(await make(), weight, 0.375);
      const values = await engine.forward(pack, { adapter: true, keep: false });
      const dropped = await engine.forward(pack, { adapter: true, keep: false, dropoutStep: 7 });
      const read = await readColumns(engine), kept = await readColumns(engine, 7);
      let gone = 0;
      for (let l = 0; l < pack.labelRows.length; l++) {
        const by = (columns: Float64Array[]) =>
          columns.reduce((sum, column, c) => sum + f64(column, l) * Math.sin(c + 1), 0.375);
        assertAlmostEquals(f64(values, l), by(read), 1e-4);
        assertAlmostEquals(f64(dropped, l), by(kept), 1e-4);
        read.forEach((column, c) => {
          const [plain, masked] = [f64(column, l), f64(kept[c]!, l)];
          if (masked === 0) gone++;
          else assertAlmostEquals(masked, plain / (1 - rate), 1e-5 * Math.max(1, Math.abs(plain)));
        });
      }
      // of 3 × width numbers; five deviations of a binomial
      const all = pack.labelRows.length * width, spread = 5 * Math.sqrt(all * rate * (1 - rate));
      assert(Math.abs(gone - all * rate) < spread && gone > 0, `${gone} of ${all} dropped`);
      assert(kept.some((column, c) => String(column) !== String(read[c])));
      await engine.dispose();
    },
  });

  Deno.test({
    name: `ValueHead: gradients go through what was dropped, and add up over passes (${name})`,
    ignore,
    fn: async () => {
      const engine = engineWith(await make(), unit(0)), slopes = Float64Array.of(0.5, -1.25, 2);
      for (const step of [7, 8]) {
        await engine.forward(pack, { adapter: true, keep: true, dropoutStep: step });
        await engine.backward(slopes);
      }
      const [weight, bias] = (await engine.parameters.gradients()).map((values) => values.slice());
      const [first, second] = [await readColumns(engine, 7), await readColumns(engine, 8)];
      assert(first.some((column, c) => String(column) !== String(second[c])), "another step drops others");
      for (let c = 0; c < width; c++) {
        const expected = slopes.reduce(
          (sum, slope, l) => sum + slope * (f64(first[c]!, l) + f64(second[c]!, l)),
          0,
        );
        assertAlmostEquals(weight![c]!, expected, 1e-4);
      }
      assertAlmostEquals(bias![0]!, 2 * 1.25, 1e-6);
      await engine.dispose();
    },
  });
}

Deno.test("ValueHead: of values that are compared the bias's gradient is zero, not rounding", async () => {
  const { make } = (await backendsAndGpuLike())[0]!;
  const engine = engineWith(await make(), unit(0));
  // 0.1 + 0.7 - 0.8 in float32 isn't zero
  for (const slopes of [[0.1, -0.8, 0.7], [0.3, -0.4, 0.1]]) {
    await engine.forward(pack, { adapter: true, keep: true });
    await engine.backward(Float64Array.from(slopes));
  }
  const [, bias] = await engine.parameters.gradients();
  assert(Math.abs(bias![0]!) < 1e-15, `${bias![0]}`);
  await engine.dispose();
});

Deno.test("ValueHead: it names no likeliest token", async () => {
  const { make } = (await backendsAndGpuLike())[0]!;
  const engine = engineWith(await make(), unit(0));
  await assertRejects(
    () => engine.forward(pack, { adapter: true, keep: false, best: true }),
    TypeError,
    "a value head gives numbers, not tokens",
  );
  assertEquals(engine.parameters.isTrained(VALUE_HEAD_WEIGHT), true);
  await engine.dispose();
});
