/** SmolLM2-135M-Instruct against PyTorch (shared/goldens/smollm2/generate.json): greedy ids through the ONNX backend. */
import { assert, assertEquals } from "@std/assert";
import { sharedForSmollm2, SMOLLM2 } from "../../../../tests/helpers/shared_data.ts";
import { openModel } from "../../../../formats/hf_model/mod.ts";
import { onnxBackend } from "../../../mod.ts";
import { models } from "../../../../plugins/models/mod.ts";
import { Registry } from "../../../../plugins/registry.ts";
import { decoderOf } from "../../../../plugins/kinds/decoder_of.ts";
import { GenerationEngine } from "./engine.ts";
import { argmax } from "../sampling/sampler.ts";

const { path: GOLDEN, ignore, why } = sharedForSmollm2("goldens/smollm2/generate.json");

interface Prompt {
  ids: number[];
  generated: number[];
  top2_ids: [number, number][];
  top2_logits: [number, number][];
}

/** Largest difference of a logit from PyTorch's that float32 explains (README of the goldens: 5e-4). */
const LOGIT = 5e-4;

Deno.test({
  name: `GenerationEngine: greedy ids and best logits of SmolLM2 equal PyTorch's, five prompts at once${why}`,
  ignore,
  fn: async () => {
    const { prompts } = JSON.parse(Deno.readTextFileSync(GOLDEN)) as { prompts: Prompt[] };
    const model = await openModel(SMOLLM2);
    const config = decoderOf(new Registry(models), model), V = config.vocabSize;
    const engine = new GenerationEngine(
      onnxBackend(),
      { config, tuning: { type: "none" }, promptChunk: 64 },
      (name) => model.weights.read(name),
    );
    model.weights.close();
    const check = (prompt: Prompt, logits: Float32Array, step: number) => {
      const [first, second] = prompt.top2_ids[step]!, [best, next] = prompt.top2_logits[step]!;
      assertEquals(argmax(logits), prompt.generated[step], `token ${step}`);
      assert(Math.abs(logits[first]! - best) <= LOGIT, `logit ${logits[first]} at ${step}, PyTorch ${best}`);
      assert(
        Math.abs(logits[second]! - next) <= LOGIT,
        `logit ${logits[second]} at ${step}, PyTorch ${next}`,
      );
    };
    for (const prompt of prompts) check(prompt, await engine.add(prompt.ids), 0);
    let running = prompts;
    for (let step = 0; running.length; step++) {
      // Those that have ended leave at once, so that the batch is laid out again.
      const going = [...running.keys()].filter((s) => step + 1 < running[s]!.generated.length);
      if (going.length < running.length) await engine.keep(going);
      running = going.map((s) => running[s]!);
      if (running.length === 0) break;
      const logits = await engine.step(running.map((prompt) => prompt.generated[step]!));
      running.forEach((prompt, s) => check(prompt, logits.subarray(s * V, (s + 1) * V), step + 1));
    }
    assertEquals(engine.slots, 0);
    await engine.dispose();
  },
});
