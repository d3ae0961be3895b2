/** Dropout on LoRA inputs: decided by its number alone, and differentiated as it was applied. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { onnxBackend } from "../../mod.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";

const FORMS = {
  "checkpointing on": { checkpointing: true, body: "blocks" },
  "checkpointing off": { checkpointing: false, body: "blocks" },
  "stack": { checkpointing: false, body: "stack" },
} as const;
type Form = keyof typeof FORMS;

function engine(
  form: Form,
  change?: (initial: Record<string, Float32Array<ArrayBuffer>>) => void,
) {
  const { config, weights } = tinyModel("qwen2");
  const { modules, initial } = tinyAdapter("qwen2", config);
  change?.(initial);
  const options = {
    config,
    tuning: { type: "lora", modules, dropout: 0.4 } as const,
    ...FORMS[form],
    seed: 5,
  };
  return new Engine(onnxBackend({ threads: 1 }), options, (name) => weights[name]!, initial);
}

const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2]] })]);
const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

for (const form of ["checkpointing off", "stack"] as const) {
  Deno.test(`Engine: the same number gives the same dropout, another one another, none none (${form})`, async () => {
    const e = engine(form);
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
}

Deno.test("Engine: blocks and stack agree with dropout, without, and with adapters off, forward and backward", async () => {
  const results = await Promise.all((["checkpointing on", "stack"] as const).map(async (form) => {
    const e = engine(form), found: Float64Array[] = [];
    for (const pass of [{ adapter: true }, { adapter: true, dropoutStep: 3 }, { adapter: false }]) {
      found.push(await e.forward(PACK, { ...pass, keep: false }));
    }
    // A second kept pass adds to the gradients of the first; one that is kept in vain is dropped.
    for (const dropoutStep of [4, 5]) {
      await e.forward(PACK, { adapter: true, keep: true, dropoutStep: 9 });
      found.push(await e.forward(PACK, { adapter: true, keep: true, dropoutStep }));
      await e.backward(found.at(-1)!.map((_, i) => 1 / (1 + i)));
    }
    const gradients = (await e.parameters.gradients()).map((g) => Float64Array.from(g));
    const names = [...e.parameters.trained.keys()];
    await e.dispose();
    return { found, gradients, names };
  }));
  const [blocks, stack] = [results[0]!, results[1]!];
  assertEquals(blocks.names, stack.names);
  blocks.found.forEach((v, i) => v.forEach((x, j) => assertAlmostEquals(stack.found[i]![j]!, x, 2e-5)));
  blocks.gradients.forEach((g, i) => {
    const limit = 1e-5 + 1e-4 * g.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    g.forEach((x, j) => assertAlmostEquals(stack.gradients[i]![j]!, x, limit, `${blocks.names[i]}[${j}]`));
  });
});

for (const form of Object.keys(FORMS) as Form[]) {
  Deno.test(`Engine: gradients with dropout equal central differences (${form})`, async () => {
    const options = { adapter: true, keep: true, dropoutStep: 3 };
    const e = engine(form);
    await e.backward((await e.forward(PACK, options)).map(() => 1));
    const names = [...e.parameters.trained.keys()],
      gradients = (await e.parameters.gradients()).map((g) => g.slice());
    await e.dispose();
    for (const module of ["0.self_attn.q_proj", "1.mlp.down_proj"]) {
      for (const matrix of ["A", "B"]) {
        const name = `model.layers.${module}.lora_${matrix}.weight`,
          gradient = gradients[names.indexOf(name)]!;
        const largest = gradient.reduce(
            (best, v, i) => Math.abs(v) > Math.abs(gradient[best]!) ? i : best,
            0,
          ),
          step = 2e-2;
        const shifted = async (by: number) => {
          const other = engine(form, (initial) => initial[name]![largest]! += by);
          const value = sum(await other.forward(PACK, { ...options, keep: false }));
          await other.dispose();
          return value;
        };
        // Float32 sums of size 30 hold 4e-6; over a step of 4e-2 that is 1e-4, and the curvature adds as much.
        const numeric = (await shifted(step) - await shifted(-step)) / (2 * step);
        assertAlmostEquals(gradient[largest]!, numeric, 2e-2 * Math.abs(numeric) + 1e-3, name);
      }
    }
  });
}
