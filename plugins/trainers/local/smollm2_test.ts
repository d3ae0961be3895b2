/** SmolLM2-135M-Instruct against PyTorch (shared/goldens/smollm2): six steps of SFT, DPO and IOPO through the ONNX backend. */
import { assertAlmostEquals } from "@std/assert";
import { onnxBackend } from "../../../kernels/mod.ts";
import { gpuLikeOnnx, idsExample, readJson } from "../../../tests/helpers/tiny_model.ts";
import { Engine } from "../../../kernels/engine/engine.ts";
import { packExamples } from "../../../kernels/engine/packs/pack.ts";
import { assertSteps } from "../../../tests/helpers/golden_run.ts";
import { assertFinal, GOLDENS, ignore, repeat, smollm2, why } from "../../../tests/helpers/smollm2_golden.ts";

Deno.test({
  name: `Engine: log-probabilities of SmolLM2 equal PyTorch's within 2e-4${why}`,
  ignore,
  fn: async () => {
    const { model, decoder } = await smollm2();
    const engine = new Engine(onnxBackend(), {
      config: decoder,
      tuning: { type: "none" },
      checkpointing: true,
    }, (n) => model.weights.read(n));
    for (const { ids, continuation_ids, continuation_logps } of readJson(`${GOLDENS}forward.json`).prompts) {
      const logps = await engine.forward(packExamples([idsExample({ s: [ids, continuation_ids] })]), {
        adapter: false,
        keep: false,
      });
      logps.forEach((v, i) => assertAlmostEquals(v, continuation_logps[i], 2e-4, `token ${i}`));
    }
    model.weights.close();
    await engine.dispose();
  },
});

for (const method of ["iopo", "dpo", "sft"]) {
  Deno.test({
    name: `trainLoop() repeats six steps of ${method.toUpperCase()} on SmolLM2${why}`,
    ignore,
    fn: async () => {
      const { golden, start, steps, trained } = await repeat(method, onnxBackend(), method === "dpo");
      assertSteps(steps, golden.steps);
      assertFinal(method, { start, trained });
    },
  });
}

Deno.test({
  name: `trainLoop() repeats two steps of IOPO on SmolLM2 as one program, as on a GPU${why}`,
  ignore,
  fn: async () => {
    const { golden, steps } = await repeat("iopo", gpuLikeOnnx(), false, 2);
    assertSteps(steps, golden.steps.slice(0, 2));
  },
});
