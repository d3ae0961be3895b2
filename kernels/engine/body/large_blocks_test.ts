/**
 * A block of large models, forward and backward with LoRA and head, on WebGPU beside ONNX Runtime's CPU provider: at their own widths, where the
 * kernels' samples and the tiny models don't reach (Mistral-7B's are Llama-3-8B's). Ten rows; the vocabulary is cut short.
 */
import { assert, assertEquals } from "@std/assert";
import { item } from "../../../formats/elements.ts";
import { LARGE_MODELS } from "../../../tests/helpers/model_plans.ts";
import { idsExample } from "../../../tests/helpers/tiny_model.ts";
import type { Backend } from "../../backend.ts";
import { onnxBackend } from "../../backends/onnx/mod.ts";
import { type WebGpuBackend, webgpuBackend } from "../../backends/webgpu/mod.ts";
import { testWebGpu } from "../../testing/backends.ts";
import { linearModules, loraShapes, tensorShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";

/** Most difference of a log-probability, nats, and of a gradient by the largest of its tensor. */
const LOGP = 1e-5, GRADIENT = 2e-5;
/** Numbers that are drawn. */
const DRAWN = 1 << 20;

const { name, ignore } = await testWebGpu();
const wanted = Boolean(Deno.env.get("DINOTUNE_LARGE"));

/** Numbers that float16 holds, between −1 and 1: what large tensors are made of, each from another place on. */
const drawn = (() => {
  let state = 1;
  return Float32Array.from({ length: DRAWN }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.f16round(state / 2 ** 31 - 1);
  });
})();

function tensor(shape: readonly number[], number: number, size: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  // A power of two keeps them in float16.
  const some = drawn.map((v) => v * 2 ** Math.round(Math.log2(size)));
  for (let done = 0, from = number * 7919 % DRAWN; done < values.length; from = 0) {
    const part = some.subarray(from, from + values.length - done);
    values.set(part, done);
    done += part.length;
  }
  return values;
}

interface Found {
  logps: Float64Array;
  gradients: Float32Array[];
}

async function run(backend: Backend, config: DecoderConfig): Promise<Found> {
  const shapes = [...tensorShapes(config)], lora = { rank: 8, scale: 2 };
  const modules = Object.fromEntries(
    linearModules(config).map((module) => [`model.layers.0.${module}`, lora]),
  );
  const initial = Object.fromEntries(
    [...loraShapes(config, Object.fromEntries(linearModules(config).map((module) => [module, lora])))].map((
      [key, shape],
      i,
    ) => [`model.layers.0.${key}`, tensor(shape, 100 + i, 0.02)]),
  );
  const read = (key: string) => {
    const number = shapes.findIndex(([other]) => other === key), shape = shapes[number]![1];
    if (shape.length === 1 && key.includes("norm")) return new Float32Array(item(shape, 0)).fill(1);
    // Log-probabilities of 7 to 8 nats: with an embedding of up to 0.5 they are of 160 to 200, whose last bits are 1e-5 each.
    return tensor(shape, number, key.includes("embed") ? 0.02 : 1 / Math.sqrt(shape[1] ?? 16));
  };
  const tuning = { type: "lora", modules, dropout: 0 } as const;
  const engine = new Engine(backend, { config, tuning, checkpointing: false }, read, initial);
  const pack = packExamples([
    idsExample({ a: [[3, 17, 300, 41], [5, 99, 7]], b: [[3, 17, 300, 41], [812, 6, 2]] }),
  ]);
  const logps = await engine.forward(pack, { adapter: true, keep: true });
  await engine.backward(logps.map((_, i) => i % 2 ? -0.5 : 1));
  const gradients = (await engine.parameters.gradients()).map((values) => values.slice());
  await engine.dispose();
  return { logps, gradients };
}

for (const model of ["Qwen2-1.5B", "Mistral-7B"]) {
  Deno.test({
    name: `a block of ${model} gives ONNX Runtime's log-probabilities and gradients on WebGPU (${
      wanted ? name : `takes minutes on an adapter that is a CPU: DINOTUNE_LARGE=1 BACKENDS=webgpu takes it`
    })`,
    ignore: ignore || !wanted,
    fn: async () => {
      const config: DecoderConfig = {
        ...LARGE_MODELS[model]!,
        vocabSize: 2048,
        inverseFrequencies: LARGE_MODELS[model]!.inverseFrequencies.map((_, i, all) =>
          1e4 ** (-i / all.length)
        ),
      };
      const expected = await run(onnxBackend(), config), webgpu: WebGpuBackend = await webgpuBackend();
      const found = await run(webgpu, config);
      if (webgpu.half.storage !== "none") assertEquals(webgpu.half.kept, webgpu.half.frozen);
      const difference = Math.max(...found.logps.map((v, i) => Math.abs(v - item(expected.logps, i))));
      assert(difference <= LOGP, `a log-probability is off by ${difference}`);
      const shares = found.gradients.map((values, t) => {
        const own = item(expected.gradients, t),
          largest = own.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        assert(largest > 1e-4, `gradient ${t} is at most ${largest}`);
        return values.reduce((most, v, i) => Math.max(most, Math.abs(v - item(own, i))), 0) / largest;
      });
      assert(Math.max(...shares) <= GRADIENT, `gradients are off by ${shares}`);
    },
  });
}
