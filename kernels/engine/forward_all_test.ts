/** Forward passes of several packs at once, and their way back. */
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../tests/helpers/tiny_model.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { Engine } from "./engine.ts";
import { packExamples } from "./packs/pack.ts";

const { config, weights } = tinyModel("qwen2");
const { modules, initial } = tinyAdapter("qwen2", config);
const PACKS = [[3, 7, 9, 11], [5, 2, 8], [1, 4, 6, 12, 2]].map((ids) =>
  packExamples([idsExample({ s: [ids.slice(0, 2), ids.slice(2)] })])
);

/** Log-probabilities of the packs and gradients of what is trained, one pack after the other or all at once. */
async function pass(
  { atOnce, form, checkpointing }: { atOnce: boolean; form: "blocks" | "stack"; checkpointing: boolean },
) {
  const tuning = { type: "lora", modules, dropout: 0.25 } as const;
  const options = { config, tuning, checkpointing, body: form, seed: 3 };
  const engine = new Engine(referenceBackend(), options, (name) => weights[name]!, initial);
  const passes = PACKS.map((pack, dropoutStep) => ({ pack, adapter: true, keep: true, dropoutStep }));
  const back = (logps: Float64Array, i: number) => engine.backward(logps.map((_, l) => i + l + 1));
  const found: Float64Array[] = [];
  if (atOnce) {
    // A pass of which nothing is kept stands between them.
    const [off, ...kept] = await engine.forwardAll([
      { pack: PACKS[1]!, adapter: false, keep: false },
      ...passes,
    ]);
    assertNotEquals(off, kept[1]);
    found.push(...kept);
    for (const [i, logps] of kept.entries()) await back(logps, i);
  } else {
    for (const [i, { pack, ...one }] of passes.entries()) {
      const logps = await engine.forward(pack, one);
      found.push(logps);
      await back(logps, i);
    }
  }
  await assertRejects(() => engine.backward(new Float64Array(1)), Error, "no forward pass was kept");
  const { parameters, backend } = engine, gradients: Record<string, unknown> = {};
  for (const name of parameters.trained.keys()) {
    gradients[name] = (await backend.download(parameters.tuned.gradient(name))).slice();
  }
  await engine.dispose();
  return { found, gradients };
}

for (const form of ["blocks", "stack"] as const) {
  for (const checkpointing of [true, false]) {
    Deno.test(`several packs at once have the bits of one after the other, gradients too (${form}, checkpointing ${checkpointing})`, async () => {
      const way = { form, checkpointing };
      assertEquals(await pass({ ...way, atOnce: true }), await pass({ ...way, atOnce: false }));
    });
  }
}

Deno.test("a forward pass drops all that were kept before it", async () => {
  const tuning = { type: "lora", modules, dropout: 0 } as const;
  const engine = new Engine(
    referenceBackend(),
    { config, tuning, checkpointing: false },
    (name) => weights[name]!,
    initial,
  );
  await engine.forwardAll(PACKS.map((pack) => ({ pack, adapter: true, keep: true })));
  const logps = await engine.forward(PACKS[0]!, { adapter: true, keep: true });
  await engine.backward(logps.map(() => 1));
  await assertRejects(() => engine.backward(new Float64Array(1)), Error, "no forward pass was kept");
  await engine.dispose();
});
