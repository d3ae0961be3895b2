/** Adapters that can only be merged, asked by name of their folder: log-probabilities as PEFT's with DoRA (fixtures/goldens/peft/dora). */
import { assertAlmostEquals, assertRejects } from "@std/assert";

import { readJson, TINY, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { openGenerator } from "./open.ts";
import type { GeneratorOptions } from "./options.ts";

const DORA = new URL("../../../fixtures/goldens/peft/dora/", import.meta.url).pathname;

const options = (backend: "onnx" | "reference"): GeneratorOptions => ({
  model: `${TINY}qwen2/model`,
  decoder: tinyModel("qwen2").config,
  adapter: `${DORA}adapter`,
  device: { backend, provider: "cpu", threads: 1 },
  text: false,
});

for (const backend of ["onnx", "reference"] as const) {
  Deno.test(`openGenerator() answers with a DoRA adapter merged, as PEFT does: ${backend}`, async () => {
    const golden = readJson(`${DORA}golden.json`);
    const { generator } = await openGenerator(options(backend));
    try {
      for (const [i, ids] of (golden.sequences as number[][]).entries()) {
        const [answer] = await generator.generateAll(ids, { max_tokens: 0, prompt_logprobs: 0 });
        const logps = answer!.promptLogprobs!;
        golden.token_logps[i].forEach((expected: number, j: number) =>
          assertAlmostEquals(logps[j]!.logprob, expected, 5e-5, `sequence ${i}, token ${j + 1}`)
        );
      }
    } finally {
      await generator.close();
    }
  });
}

Deno.test("an adapter that can only be merged is refused beside a model, by name and under others", async () => {
  const opened = await openGenerator({ ...options("onnx"), adapter: null });
  const says = "as it has use_dora, which is only merged: open the model with it as `adapter`";
  try {
    await assertRejects(() => opened.loadAdapter("tuned", `${DORA}adapter`), RangeError, says);
  } finally {
    await opened.generator.close();
  }
  await assertRejects(() => openGenerator({ ...options("onnx"), merge: false }), RangeError, says);
});
