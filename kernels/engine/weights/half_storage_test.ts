/** Training over frozen matrices that a GPU keeps as float16, against PyTorch and the float64 reference on the same numbers. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { testWebGpu } from "../../testing/backends.ts";
import { referenceBackend } from "../../backends/reference/mod.ts";
import type { Backend } from "../../backend.ts";
import { type WebGpuBackend, webgpuBackend } from "../../backends/webgpu/mod.ts";
import { tensorShapes } from "../decoder/decoder.ts";
import { assertSteps, repeatRun } from "../../../tests/helpers/golden_run.ts";
import { assertUpdate } from "../../../tests/helpers/relative_distance.ts";
import { Engine } from "../engine.ts";
import { GenerationEngine } from "../generate/blocks/engine.ts";
import { packExamples } from "../packs/pack.ts";
import { idsExample, readJson, TINY, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";

const found = await testWebGpu();
let title = found.name, ignore = found.ignore;
if (!ignore) {
  const { half, dispose } = await webgpuBackend();
  await dispose();
  if (half.storage === "none") [title, ignore] = [`webgpu: ${half.why}`, true];
}

function assertUnreachable(name: string): never {
  throw new Error(`${name} was read whole`);
}

function matrices(backend: WebGpuBackend, arch: string): void {
  const shapes = [...tensorShapes(tinyModel(arch).config).values()];
  const count = shapes.filter((shape) => shape.length === 2).length;
  assertEquals([backend.half.kept, backend.half.frozen], [count, count], "frozen matrices kept as float16");
}

Deno.test({
  name: `a bfloat16 model kept as float16 gives PyTorch's log-probabilities (${title})`,
  ignore,
  fn: async () => {
    const golden = readJson(`${TINY}qwen2/golden.json`), { config } = tinyModel("qwen2");
    const model = await openModel(`${TINY}qwen2/model-bf16`), backend = await webgpuBackend();
    const options = { config, tuning: { type: "none" } as const, checkpointing: true };
    // No matrix becomes float32 on the host.
    const read = (name: string) => {
      const pieces = model.weights.pieces(name);
      return { ...pieces, float32: () => assertUnreachable(name) };
    };
    const engine = new Engine(backend, options, read);
    model.weights.close();
    matrices(backend, "qwen2");
    const sequences: number[][] = golden.sequences;
    const pack = packExamples(sequences.map((ids) => idsExample({ s: [[ids[0]!], ids.slice(1)] })));
    const logps = await engine.forward(pack, { adapter: false, keep: false });
    const expected: number[] = golden.bf16.token_logps.flat();
    logps.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 5e-5, `log-probability ${i}`));
    await engine.dispose();
  },
});

Deno.test({
  name:
    `smoothed labels and the likeliest tokens over float16 matrices are the float64 reference's (${title})`,
  ignore,
  fn: async () => {
    const { config } = tinyModel("qwen2"), tuning = { type: "none" } as const;
    const every = Array.from({ length: config.vocabSize }, (_, id) => [`${id}`, [[3, 9, 27], [id]]]);
    const pack = packExamples([idsExample(Object.fromEntries(every))]), found: Float64Array[] = [];
    for (const backend of [referenceBackend(), await webgpuBackend()]) {
      const model = await openModel(`${TINY}qwen2/model-bf16`);
      const options = { config, tuning, checkpointing: true, labelSmoothing: 0.2 };
      const engine = new Engine(backend, options, (name) => model.weights.pieces(name));
      model.weights.close();
      if (backend.name === "webgpu") matrices(backend as WebGpuBackend, "qwen2");
      found.push(await engine.forward(pack, { adapter: false, keep: false, best: true }));
      await engine.dispose();
    }
    const [right, half] = found as [Float64Array, Float64Array];
    assertEquals(half.length, 2 * config.vocabSize);
    half.forEach((value, l) => assertAlmostEquals(value, right[l]!, 5e-5, `value ${l}`));
  },
});

Deno.test({
  name: `generating with a bfloat16 model kept as float16 gives the float64 reference's logits (${title})`,
  ignore,
  fn: async () => {
    const { config } = tinyModel("qwen2"), model = await openModel(`${TINY}qwen2/model-bf16`);
    const backend = await webgpuBackend(), prompt = [3, 1, 4, 1, 5, 9, 2], answer = [6, 5, 3, 5];
    const logits = async (on: Backend) => {
      const read = (name: string) => model.weights.read(name);
      const engine = new GenerationEngine(on, { config, tuning: { type: "none" } }, read);
      const all = [...await engine.add(prompt)];
      for (const id of answer) all.push(...await engine.step([id]));
      await engine.dispose();
      return all;
    };
    const expected = await logits(referenceBackend()), actual = await logits(backend);
    model.weights.close();
    matrices(backend, "qwen2");
    assertEquals(actual.length, (1 + answer.length) * config.vocabSize);
    actual.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 5e-5, `logit ${i}`));
  },
});

for (const run of ["lora_sft_llama3", "lora_dpo_llama", "lora_iopo_qwen2", "lora_iopo_qwen3"]) {
  for (const [budget, checkpointing] of [[1, true], [1000, false]] as const) {
    Deno.test({
      name: `trainLoop() repeats ${run} on rounded weights over float16 storage (${
        checkpointing ? "" : "no "
      }checkpointing, ${title})`,
      ignore,
      fn: async () => {
        const golden = readJson(`${TINY}train/${run}.json`);
        const [, method, arch] = run.split("_") as [string, string, string];
        const { config: decoder, weights } = tinyModel(arch);
        const { modules, initial } = tinyAdapter(arch, decoder);
        // Norms and biases aren't stored as float16.
        const read = (name: string) =>
          tensorShapes(decoder).get(name)!.length === 2 ? weights[name]!.map(Math.f16round) : weights[name]!;
        const repeat = (backend: Backend) =>
          repeatRun(
            {
              golden,
              method,
              decoder,
              tuning: { type: "lora", modules, dropout: 0 },
              initial,
              read,
              quads: golden.data,
            },
            backend,
            { budget, checkpointing },
          );
        // The reference backend repeats PyTorch's steps on the weights as they were (loop_test.ts).
        const expected = await repeat(referenceBackend());
        const backend = await webgpuBackend(), actual = await repeat(backend);
        matrices(backend, arch);
        assertSteps(
          actual.steps,
          expected.steps.map(({ loss, gradNorm, learningRate }) => ({
            loss,
            grad_norm: gradNorm,
            lr: learningRate,
          })),
        );
        assertUpdate(actual.trained, { expected: expected.trained, start: initial, limit: 1e-3 });
        // The rounding itself is larger than what is allowed between backends, so another storage would be seen.
        assert(Math.abs(expected.steps[0]!.gradNorm - golden.steps[0].grad_norm) > 1e-7);
      },
    });
  }
}
