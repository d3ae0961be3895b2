/** Log-probabilities and gradients against PyTorch in float64 (fixtures/goldens/tiny), on every backend. */
import { assert, assertAlmostEquals } from "@std/assert";
import type { Backend } from "../backend.ts";
import { Engine } from "./engine.ts";
import { packExamples } from "./packs/pack.ts";
import type { Tuning } from "./weights/tuning.ts";
import {
  ARCHITECTURES,
  backendsAndGpuLike,
  engineName,
  idsExample,
  readJson,
  readTensors,
  TINY,
  tinyAdapter,
  tinyModel,
} from "../../tests/helpers/tiny_model.ts";

/** As that folder's README suggests for float32. */
const LOGP = 5e-5;

function assertGradient(name: string, actual: Float32Array, expected: Float32Array) {
  const limit = 1e-5 + 1e-4 * expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  for (let i = 0; i < expected.length; i++) {
    assertAlmostEquals(actual[i]!, expected[i]!, limit, `${name}[${i}]`);
  }
}

async function assertGradients(engine: Engine, path: string) {
  const gradients = await engine.parameters.gradients(), expected = readTensors(path);
  const names = [...engine.parameters.trained.keys()];
  assert(
    names.length > 0 && names.length === Object.keys(expected).length,
    "every trained tensor has a golden",
  );
  for (const [name, values] of Object.entries(expected)) {
    assertGradient(name, gradients[names.indexOf(engineName(name))]!, values);
  }
}

interface Case {
  arch: string;
  tuning: "full" | "lora";
  /** Blocks with gradient checkpointing or without, or the whole stack as one program. */
  form: "checkpointing on" | "checkpointing off" | "stack";
}

function tinyEngine({ arch, tuning, form }: Case, backend: Backend): Engine {
  const { config, weights } = tinyModel(arch);
  const adapter = tinyAdapter(arch, config);
  const chosen: Tuning = tuning === "full"
    ? { type: "full" }
    : { type: "lora", modules: adapter.modules, dropout: 0 };
  const options = {
    config,
    tuning: chosen,
    checkpointing: form === "checkpointing on",
    body: form === "stack" ? "stack" as const : "blocks" as const,
    labelChunk: 4,
  };
  return new Engine(backend, options, (name) => weights[name]!, tuning === "full" ? {} : adapter.initial);
}

/** Log-probabilities of two sequences in one pack, and gradients of their labels' mean. */
async function assertSequences(engine: Engine, { arch, tuning }: Case) {
  const golden = readJson(`${TINY}${arch}/golden.json`), part = golden[tuning === "full" ? "base" : "lora"];
  // Every token is a label, so that all log-probabilities are compared; the loss's labels get weights.
  const pack = packExamples(
    golden.sequences.map((ids: number[]) => idsExample({ s: [[ids[0]!], ids.slice(1)] })),
  );
  const logps = await engine.forward(pack, { adapter: true, keep: true });
  const expected: number[] = part.token_logps.flat();
  logps.forEach((v, i) => assertAlmostEquals(v, expected[i]!, LOGP, `log-probability ${i}`));
  const labelled: boolean[] = golden.labels.flatMap((l: number[]) => l.slice(1).map((v) => v !== -100));
  const count = labelled.filter(Boolean).length;
  await engine.backward(Float64Array.from(labelled, (on) => on ? -1 / count : 0));
  await assertGradients(engine, `${TINY}${arch}/${tuning === "full" ? "grads" : "lora_grads"}.safetensors`);
}

/** Sums of two answers behind one prompt, and gradients of their preference loss. */
async function assertPreference(engine: Engine, { arch, tuning }: Case) {
  const { x, y1, y2, base, lora } = readJson(`${TINY}${arch}/golden.json`).prefix,
    part = tuning === "full" ? base : lora;
  const pack = packExamples([idsExample({ y1: [x, y1], y2: [x, y2] })]);
  const logps = await engine.forward(pack, { adapter: true, keep: true });
  const sums = [0, 0];
  logps.forEach((v, l) =>
    pack.owners.subarray(pack.ownerStart[l], pack.ownerStart[l + 1]).forEach((s) => sums[s]! += v)
  );
  assertAlmostEquals(sums[0]!, part.sum_y1, LOGP * y1.length);
  assertAlmostEquals(sums[1]!, part.sum_y2, LOGP * y2.length);
  // d/ds of −log σ(z), z = (s1 − s2)/2, is ∓ σ(−z)/2.
  const slope = -0.5 / (1 + Math.exp(0.5 * (sums[0]! - sums[1]!)));
  const weights = Float64Array.from(
    logps,
    (_, l) =>
      [...pack.owners.subarray(pack.ownerStart[l], pack.ownerStart[l + 1])].reduce(
        (w, s) => w + (s === 0 ? slope : -slope),
        0,
      ),
  );
  await engine.backward(weights);
  await assertGradients(
    engine,
    `${TINY}${arch}/${tuning === "full" ? "prefix_grads" : "prefix_lora_grads"}.safetensors`,
  );
}

const FORMS = ["checkpointing on", "checkpointing off", "stack"] as const;

for (const { name: backendName, ignore, make } of await backendsAndGpuLike()) {
  for (const arch of ARCHITECTURES) {
    for (const [tuning, form] of FORMS.flatMap((f) => [["full", f], ["lora", f]] as const)) {
      // WebGPU keeps tensors, so nothing makes a stack there.
      if (form === "stack" && backendName.startsWith("webgpu")) continue;
      // The graph for ONNX Runtime's GPU provider, run on the CPU.
      if (form !== "stack" && backendName.endsWith("as on a GPU")) continue;

      // of each tuning and form by itself, of each pair by the reference backend: a half says what ONNX Runtime makes of them
      const isOther = (tuning === "full") === (form === "checkpointing off");
      if (isOther && backendName.startsWith("onnx") && !Deno.env.has("TEST_ALL")) continue;

      Deno.test({
        name:
          "Engine: two sequences in one pack, then two answers behind one prompt, give the goldens' log-probabilities " +
          `and gradients (${arch}, ${tuning}, ${form}, ${backendName})`,
        ignore,
        fn: async () => {
          // one for both packs: its programs take most of the time
          const one = { arch, tuning, form }, engine = tinyEngine(one, await make());
          await assertSequences(engine, one);
          engine.parameters.tuned.zeroGradients();
          await assertPreference(engine, one);
          await engine.dispose();
        },
      });
    }
  }
}
