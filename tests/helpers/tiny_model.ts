import { testBackends } from "../../kernels/testing/backends.ts";
import type { TestBackend } from "../../kernels/testing/backends.ts";
import { type Backend, onnxBackend } from "../../kernels/mod.ts";
import { SafetensorsFile } from "../../formats/safetensors/mod.ts";
import type { EncodedExample } from "../../kernels/engine/packs/encoded.ts";
import { linearModules } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { models } from "../../plugins/models/mod.ts";
import { Registry } from "../../plugins/registry.ts";

/** Folder of the tiny random models with float64 goldens from PyTorch (its README says what they hold). */
export const TINY = new URL("../../fixtures/goldens/tiny/", import.meta.url).pathname;

/** The architectures that have a folder there. */
export const ARCHITECTURES = [
  "llama",
  "llama3",
  "mistral",
  "qwen2",
  "qwen3",
  "smollm3",
  "granite",
  "gemma3",
  "olmo2",
  "olmo3",
  "exaone4",
  "ernie45",
  "glm4",
  "hunyuan",
  "gemma",
  "gemma2",
  "phi3",
  "phi4mini",
] as const;

/** Values of a safetensors file by name, float32. */
export function readTensors(path: string): Record<string, Float32Array<ArrayBuffer>> {
  using file = new SafetensorsFile(path);
  return Object.fromEntries([...file.tensors.keys()].map((name) => [name, file.readFloat32(name)]));
}

/** golden.json and the like. */
// deno-lint-ignore no-explicit-any -- each golden has its own shape, described in its README
export function readJson(path: string): any {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** The built-in families' reading of a directory's config.json. */
export function decoderIn(directory: string): DecoderConfig {
  const config = readJson(`${directory}/config.json`);
  return new Registry(models).create("model", config.model_type).parse(config);
}

/** Configuration and weights of a tiny model. */
export function tinyModel(
  arch: string,
): { config: DecoderConfig; weights: Record<string, Float32Array<ArrayBuffer>> } {
  const directory = `${TINY}${arch}/model`;
  return { config: decoderIn(directory), weights: readTensors(`${directory}/model.safetensors`) };
}

/** LoRA modules of the adapters there (r 4, α 8 on all linear modules), and their tensors named as the engine names them. */
export function tinyAdapter(arch: string, config: DecoderConfig) {
  const spec = Object.fromEntries(
    Array.from(
      { length: config.numLayers },
      (_, i) => linearModules(config).map((m) => [`model.layers.${i}.${m}`, { rank: 4, scale: 2 }]),
    )
      .flat() as [string, { rank: number; scale: number }][],
  );
  return { modules: spec, initial: readAdapterTensors(`${TINY}${arch}/adapter/adapter_model.safetensors`) };
}

/** Values of an adapter's safetensors file as the engine names them, float32. */
export function readAdapterTensors(path: string): Record<string, Float32Array<ArrayBuffer>> {
  return Object.fromEntries(Object.entries(readTensors(path)).map(([name, v]) => [engineName(name), v]));
}

/** `base_model.model.X` → `X`. */
export function engineName(peft: string): string {
  return peft.replace(/^base_model\.model\./, "");
}

/** An example from explicit ids: each sequence is a prompt and a labelled answer. */
export function idsExample(
  sequences: Record<string, readonly [prompt: number[], answer: number[]]>,
): EncodedExample {
  return {
    index: 0,
    source: { file: "golden", row: 0 },
    sequences: Object.entries(sequences).map(([name, [x, y]]) => ({
      name,
      input_ids: [...x, ...y],
      labels: [...x.map(() => -100), ...y],
    })),
  };
}

/**
 * ONNX Runtime on the CPU, but with the nodes that its GPU providers get, and as if it kept no tensors: what a GPU gets through
 * the binding.
 */
export function gpuLikeOnnx(): Backend {
  return { ...onnxBackend({ loops: false }), keepsTensors: false };
}

/**
 * The same backend for every test of a file: what a device compiled serves them all, and none disposes of it. It is given up
 * with the process.
 */
function sharedDevice(backend: TestBackend): TestBackend {
  let made: Promise<Backend> | undefined;
  const kept = async () =>
    Object.create(await backend.make(), { dispose: { value: () => Promise.resolve() } });
  return { ...backend, make: () => made ??= kept() };
}

/** Backends in tests, one WebGPU device for all tests of a file, and {@linkcode gpuLikeOnnx}. */
export async function backendsAndGpuLike(): Promise<TestBackend[]> {
  const backends = (await testBackends()).map((b) => b.name.startsWith("webgpu") ? sharedDevice(b) : b),
    [onnx] = backends.filter((b) => b.name.startsWith("onnx"));
  if (!onnx) throw new Error("Cannot test ONNX Runtime: it isn't among the backends in tests");
  return [...backends, {
    ...onnx,
    name: `${onnx.name}, as on a GPU`,
    make: () => Promise.resolve(gpuLikeOnnx()),
  }];
}
