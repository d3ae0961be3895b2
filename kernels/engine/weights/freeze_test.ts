/**
 * Some of a model's tensors trained: the gradients are those that PyTorch gives of all of them (fixtures/goldens/tiny, float64), for nothing else is
 * there a gradient, and layers below the lowest trained one aren't gone back through.
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Backend } from "../../backend.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { onnxBackend, referenceBackend } from "../../mod.ts";
import { webgpuBackend } from "../../backends/webgpu/mod.ts";
import { testWebGpu } from "../../testing/backends.ts";
import { tensorShapes } from "../decoder/decoder.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";
import {
  backendsAndGpuLike,
  idsExample,
  readJson,
  readTensors,
  TINY,
  tinyModel,
} from "../../../tests/helpers/tiny_model.ts";

/** As that folder's README suggests for float32. */
const LOGP = 5e-5;

interface Case {
  what: string;
  arch: string;
  /** With adapters that are still zero beside it. */
  beside?: boolean;
  trains: (name: string) => boolean;
}

const CASES: readonly Case[] = [
  { what: "the last layer", arch: "qwen2", trains: (name) => name.startsWith("model.layers.1.") },
  { what: "the first layer", arch: "llama", trains: (name) => name.startsWith("model.layers.0.") },
  { what: "mlp of the last layer", arch: "qwen3", trains: (name) => name.startsWith("model.layers.1.mlp.") },
  { what: "the last norm and those of layers", arch: "qwen3", trains: (name) => name.includes("norm") },
  {
    what: "the last layer and the last norm",
    arch: "mistral",
    trains: (name) => name.startsWith("model.layers.1.") || name === "model.norm.weight",
  },
  { what: "an output head alone", arch: "llama", trains: (name) => name === "lm_head.weight" },
  { what: "an embedding alone", arch: "mistral", trains: (name) => name === "model.embed_tokens.weight" },
  {
    what: "the last layer and a tied embedding",
    arch: "qwen2",
    trains: (name) => name.startsWith("model.layers.1.") || name === "model.embed_tokens.weight",
  },
];

/** Trained whole beside adapters. */
const BESIDE: readonly Case[] = [
  { what: "embedding and head", arch: "llama", trains: isOuter, beside: true },
  {
    what: "the head and the norms",
    arch: "mistral",
    trains: (name) => name === "lm_head.weight" || name.includes("norm"),
    beside: true,
  },
];

function isOuter(name: string): boolean {
  return name === "lm_head.weight" || name === "model.embed_tokens.weight";
}

const ADAPTED = { "model.layers.1.mlp.up_proj": { rank: 4, scale: 2 } };

type Form = "checkpointing on" | "checkpointing off" | "stack";

function freezeEngine({ arch, trains, beside = false }: Case, form: Form, backend: Backend): Engine {
  const { config, weights } = tinyModel(arch), tensors = Object.keys(weights).filter(trains);
  const options = {
    config,
    tuning: beside
      ? { type: "lora" as const, modules: ADAPTED, dropout: 0, whole: tensors }
      : { type: "freeze" as const, tensors },
    checkpointing: form === "checkpointing on",
    body: form === "stack" ? "stack" as const : "blocks" as const,
    labelChunk: 4,
  };
  return new Engine(backend, options, (name) => weights[name]!);
}

async function gradientsOf(engine: Engine, arch: string): Promise<Map<string, Float32Array>> {
  const golden = readJson(`${TINY}${arch}/golden.json`);
  const pack = packExamples(
    golden.sequences.map((ids: number[]) => idsExample({ s: [[ids[0]!], ids.slice(1)] })),
  );
  const logps = await engine.forward(pack, { adapter: true, keep: true });
  const expected: number[] = golden.base.token_logps.flat();
  logps.forEach((v, i) => assertAlmostEquals(v, expected[i]!, LOGP, `log-probability ${i}`));
  const labelled: boolean[] = golden.labels.flatMap((l: number[]) => l.slice(1).map((v) => v !== -100));
  const count = labelled.filter(Boolean).length;
  await engine.backward(Float64Array.from(labelled, (on) => on ? -1 / count : 0));
  const all = await engine.parameters.gradients();
  return new Map([...engine.parameters.trained.keys()].map((name, i) => [name, all[i]!]));
}

/** With adapters off what is trained beside them is off as well. */
async function assertFrozenStays(engine: Engine, { arch, trains }: Case): Promise<void> {
  const golden = readJson(`${TINY}${arch}/golden.json`);
  const pack = packExamples(
    golden.sequences.map((ids: number[]) => idsExample({ s: [[ids[0]!], ids.slice(1)] })),
  );
  const values = await engine.parameters.values();
  for (const name of Object.keys(values)) if (trains(name)) values[name] = values[name]!.map((v) => 1.5 * v);
  engine.parameters.restore(values);
  const [on, off] = [
    await engine.forward(pack, { adapter: true, keep: false }),
    await engine.forward(pack, { adapter: false, keep: false }),
  ];
  const expected: number[] = golden.base.token_logps.flat();
  off.forEach((v, i) => assertAlmostEquals(v, expected[i]!, LOGP, `log-probability ${i}`));
  assert(on.some((v, i) => Math.abs(v - expected[i]!) > 0.01));
}

for (const { name: backendName, ignore, make } of await backendsAndGpuLike()) {
  for (const one of [...CASES, ...BESIDE]) {
    for (const form of ["checkpointing on", "checkpointing off", "stack"] as const) {
      // WebGPU keeps tensors, so nothing makes a stack there; the other is the graph for ONNX Runtime's GPU provider, run on the CPU
      if (form === "stack" ? backendName.startsWith("webgpu") : backendName.endsWith("as on a GPU")) continue;
      // what is kept is the same choice for every case
      if (form === "checkpointing off" && one !== CASES[0] && !Deno.env.has("TEST_ALL")) continue;

      Deno.test({
        name:
          `Engine: with ${one.what} trained, gradients are the goldens' of these tensors (${one.arch}, ${form}, ${backendName})`,
        ignore,
        fn: async () => {
          const engine = freezeEngine(one, form, await make());
          const gradients = await gradientsOf(engine, one.arch);
          const expected = readTensors(`${TINY}${one.arch}/grads.safetensors`);
          if (one.beside) {
            const adapters = [...gradients.keys()].filter((name) => name.includes(".lora_"));
            assertEquals(adapters.length, 2);
            for (const name of adapters) gradients.delete(name);
          }
          assertEquals([...gradients.keys()].sort(), Object.keys(expected).filter(one.trains).sort());
          assert(gradients.size > 0);
          for (const [name, values] of gradients) {
            const golden = expected[name]!;
            const limit = 1e-5 + 1e-4 * golden.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
            assertEquals(values.length, golden.length);
            values.forEach((v, i) => assertAlmostEquals(v, golden[i]!, limit, `${name}[${i}]`));
          }
          if (one.beside) await assertFrozenStays(engine, one);
          await engine.dispose();
        },
      });
    }
  }
}

const webgpu = await testWebGpu();

Deno.test({
  name:
    `Engine: frozen matrices beside trained ones stay as float16 where that holds their values, with the float64 reference's gradients (${webgpu.name})`,
  ignore: webgpu.ignore,
  fn: async () => {
    const { config } = tinyModel("qwen2"), model = await openModel(`${TINY}qwen2/model-bf16`);
    const tensors = [...tensorShapes(config).keys()].filter((name) =>
      /layers\.1\.mlp|layers\.0\..*q_proj|norm/.test(name)
    );
    const half = await webgpuBackend(), found: Map<string, Float32Array>[] = [];
    const pack = packExamples([idsExample({ a: [[3, 7, 9], [11, 12, 2]], b: [[3, 7, 9], [21, 2]] })]);
    for (const backend of [referenceBackend(), half]) {
      const options = { config, tuning: { type: "freeze" as const, tensors }, checkpointing: true };
      const engine = new Engine(backend, options, (name) => model.weights.pieces(name));
      const logps = await engine.forward(pack, { adapter: true, keep: true });
      await engine.backward(logps.map((_, l) => l % 2 === 0 ? 1 : -0.5));
      const all = await engine.parameters.gradients();
      found.push(new Map([...engine.parameters.trained.keys()].map((name, i) => [name, all[i]!])));
      await engine.dispose();
    }
    model.weights.close();
    if (half.half.storage !== "none") assert(half.half.kept > 0 && half.half.kept === half.half.frozen);
    const [right, actual] = found as [Map<string, Float32Array>, Map<string, Float32Array>];
    assertEquals([...actual.keys()].sort(), tensors.toSorted());
    for (const [name, values] of actual) {
      const expected = right.get(name)!,
        limit = 1e-5 + 1e-4 * expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      values.forEach((v, i) => assertAlmostEquals(v, expected[i]!, limit, `${name}[${i}]`));
    }
  },
});

/** A backend that notes the names of programs as they run. */
function noting(backend: Backend, runs: string[]): Backend {
  const compile: Backend["compile"] = async (graph, name, options) => {
    const program = await backend.compile(graph, name, options);
    const run: typeof program.run = (...given) => {
      runs.push(name);
      return program.run(...given);
    };
    return { ...program, run, dispose: () => program.dispose() };
  };
  return Object.create(backend, { compile: { value: compile } });
}

for (
  const [what, waysBack] of [
    ["the last layer", 1],
    ["the first layer", 2],
    ["an output head alone", 0],
  ] as const
) {
  Deno.test(`Engine: with ${what} of two trained, ${waysBack} layers are gone back through`, async () => {
    const one = CASES.find((each) => each.what === what)!, runs: string[] = [];
    const engine = freezeEngine(one, "checkpointing on", noting(onnxBackend(), runs));
    await gradientsOf(engine, one.arch);
    const count = (part: RegExp) => runs.filter((name) => part.test(name)).length;
    assertEquals(count(/^(block|last) backward/), waysBack);
    // the others' forward passes hand nothing over
    assertEquals(count(/^(block|last) forward/), waysBack);
    assertEquals(count(/^(block|last) \[/), 2 - waysBack);
    await engine.dispose();
  });
}
