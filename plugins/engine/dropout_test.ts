/** Dropout on LoRA inputs: decided by its number alone, and differentiated as it was applied. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { onnxBackend } from "../../kernels/mod.ts";
import { LINEAR_MODULES } from "../models/decoder.ts";
import { Engine } from "./engine.ts";
import { packExamples } from "./pack.ts";
import { idsExample, tinyAdapter, tinyModel } from "./_tiny.ts";

function engine(
  checkpointing: boolean,
  change?: (initial: Record<string, Float32Array<ArrayBuffer>>) => void,
) {
  const { config, weights } = tinyModel("qwen2");
  const { modules, initial } = tinyAdapter("qwen2", config, LINEAR_MODULES);
  change?.(initial);
  const options = {
    config,
    tuning: { type: "lora", modules, dropout: 0.4 } as const,
    checkpointing,
    seed: 5,
  };
  return new Engine(onnxBackend({ threads: 1 }), options, (name) => weights[name]!, initial);
}

const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2]] })]);
const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

Deno.test("Engine: the same number gives the same dropout, another one another, none none", async () => {
  const e = engine(false);
  const run = (dropoutStep?: number) =>
    e.forward(PACK, { adapter: true, keep: false, ...(dropoutStep !== undefined && { dropoutStep }) });
  const [a, b, c, none] = [await run(7), await run(7), await run(8), await run()];
  assertEquals(a, b);
  assert(Math.abs(sum(a) - sum(c)) > 1e-3 && Math.abs(sum(a) - sum(none)) > 1e-3);
  // The reference has no adapter, so no dropout either.
  const reference = { adapter: false, keep: false, dropoutStep: 7 };
  assertEquals(await e.forward(PACK, reference), await e.forward(PACK, { ...reference, dropoutStep: 8 }));
  await e.dispose();
});

for (const checkpointing of [true, false]) {
  Deno.test(`Engine: gradients with dropout equal central differences (checkpointing ${checkpointing ? "on" : "off"})`, async () => {
    const options = { adapter: true, keep: true, dropoutStep: 3 };
    const e = engine(checkpointing);
    await e.backward((await e.forward(PACK, options)).map(() => 1));
    const names = [...e.parameters.trained.keys()],
      gradients = (await e.parameters.gradients()).map((g) => g.slice());
    await e.dispose();
    for (const module of ["0.self_attn.q_proj", "1.mlp.down_proj"]) {
      for (const matrix of ["A", "B"]) {
        const name = `model.layers.${module}.lora_${matrix}.weight`,
          gradient = gradients[names.indexOf(name)]!;
        const at = gradient.reduce((best, v, i) => Math.abs(v) > Math.abs(gradient[best]!) ? i : best, 0),
          step = 2e-2;
        const shifted = async (by: number) => {
          const other = engine(checkpointing, (initial) => initial[name]![at]! += by);
          const value = sum(await other.forward(PACK, { ...options, keep: false }));
          await other.dispose();
          return value;
        };
        // Float32 sums of size 30 hold 4e-6; over a step of 4e-2 that is 1e-4, and the curvature adds as much.
        const numeric = (await shifted(step) - await shifted(-step)) / (2 * step);
        assertAlmostEquals(gradient[at]!, numeric, 2e-2 * Math.abs(numeric) + 1e-3, name);
      }
    }
  });
}
