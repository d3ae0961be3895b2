/** SmolLM2-135M-Instruct against PyTorch (shared/goldens/smollm2): six steps of SFT, DPO and IOPO through the ONNX backend, two on WebGPU. */
import { assert, assertAlmostEquals } from "@std/assert";
import { testBackends } from "../../../kernels/backends/_test_backends.ts";
import type { Backend } from "../../../kernels/backend.ts";
import { onnxBackend } from "../../../kernels/mod.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { engineName, gpuLikeOnnx, idsExample, readJson, readTensors } from "../../engine/_tiny.ts";
import { Engine } from "../../engine/engine.ts";
import { packExamples } from "../../engine/pack.ts";
import { models } from "../../models/mod.ts";
import { LINEAR_MODULES } from "../../models/decoder.ts";
import { assertSteps, type Quad, repeatRun, updateDistance } from "./_golden_run.ts";

const GGUF = Deno.env.get("DINOTUNE_SMOLLM2_GGUF");
const SHARED = Deno.env.get("DINOTUNE_SHARED") ?? new URL("../../../../shared", import.meta.url).pathname;
const GOLDENS = `${SHARED}/goldens/smollm2/`;

function reason(): string | null {
  if (!GGUF) return "DINOTUNE_SMOLLM2_GGUF isn't set";
  try {
    Deno.statSync(GOLDENS);
    return null;
  } catch {
    return "shared goldens aren't there";
  }
}
const why = reason(), ignore = why !== null, suffix = why ? ` (ignored: ${why})` : "";

async function smollm2() {
  const model = await openModel(GGUF!);
  const family = models.find((m) => m.name === model.config.model_type)!;
  return { model, decoder: family.create({}).parse(model.config) };
}

Deno.test({
  name: `Engine: log-probabilities of SmolLM2 equal PyTorch's within 2e-4${suffix}`,
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

/** A golden run of SmolLM2 on a backend; all its steps, or the first `limit`. */
async function repeat(method: string, backend: Backend, checkpointing: boolean, limit?: number) {
  const { model, decoder } = await smollm2();
  const golden = readJson(`${GOLDENS}train_${method}.json`);
  const peft = readTensors(`${GOLDENS}lora_init/adapter_model.safetensors`);
  const initial = Object.fromEntries(Object.entries(peft).map(([name, v]) => [engineName(name), v]));
  const start = Object.fromEntries(Object.entries(initial).map(([name, v]) => [name, v.slice()]));
  const names = Array.from(
    { length: decoder.numLayers },
    (_, i) => LINEAR_MODULES.map((m) => `model.layers.${i}.${m}`),
  ).flat();
  const quads: Quad[] = golden.data.map((q: Record<string, number[]>) => ({
    x1: q.x1_ids,
    y1: q.y1_ids,
    x2: q.x2_ids,
    y2: q.y2_ids,
  }));
  const tuning = {
    type: "lora" as const,
    modules: Object.fromEntries(names.map((n) => [n, { rank: 8, scale: 2 }])),
    dropout: 0,
  };
  const read = (name: string) => model.weights.read(name);
  const { steps, trained } = await repeatRun(
    { golden, method, decoder, tuning, initial, read, quads },
    backend,
    1536,
    checkpointing,
    limit,
  );
  model.weights.close();
  return { golden, start, steps, trained };
}

for (const [method, gpuLike] of [["iopo", false], ["dpo", false], ["sft", false], ["iopo", true]] as const) {
  const form = gpuLike ? " as one program, as on a GPU" : "";
  Deno.test({
    name: `trainLoop() repeats six steps of ${method.toUpperCase()} on SmolLM2${form}${suffix}`,
    ignore,
    fn: async () => {
      const { golden, start, steps, trained } = await repeat(
        method,
        gpuLike ? gpuLikeOnnx() : onnxBackend(),
        method === "dpo",
      );
      assertSteps(steps, golden.steps);
      const distance = updateDistance(`${GOLDENS}lora_final_${method}.safetensors`, start, trained);
      assert(distance < 2e-3, `relative L2 of the LoRA update is ${distance}`);
    },
  });
}

for (const backend of (await testBackends()).filter(({ name }) => name.startsWith("webgpu"))) {
  Deno.test({
    name: `trainLoop() repeats two steps of IOPO on SmolLM2 on ${backend.name}${suffix}`,
    ignore: ignore || backend.ignore,
    fn: async () => {
      const { golden, steps } = await repeat("iopo", await backend.make(), false, 2);
      assertSteps(steps, golden.steps.slice(0, 2));
    },
  });
}
