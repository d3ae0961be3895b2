/** Adapters that PEFT wrote, and weights in bfloat16 and in shards, against PyTorch in float64 (fixtures/goldens/peft, tiny/qwen2). */
import { assert, assertAlmostEquals } from "@std/assert";
import { openModel } from "../../../../formats/hf_model/mod.ts";
import { onnxBackend } from "../../../../kernels/mod.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import {
  engineName,
  idsExample,
  readJson,
  readTensors,
  TINY,
  tinyModel,
} from "../../../../tests/helpers/tiny_model.ts";
import { Engine } from "../../../../kernels/engine/engine.ts";
import { packExamples } from "../../../../kernels/engine/packs/pack.ts";
import type { Tuning } from "../../../../kernels/engine/weights/tuning.ts";
import { makeTarget } from "./make_target.ts";
import type { Tensors } from "./target.ts";

const PEFT = new URL("../../../../fixtures/goldens/peft/", import.meta.url).pathname;

function target(variant: string) {
  const config = { finetuning_type: "lora", adapter_name_or_path: [`${PEFT}${variant}/adapter`], seed: 1 };
  return makeTarget(config as unknown as TrainConfig, {} as never, tinyModel("qwen2").config, { files: {} });
}

function engine(tuning: Tuning, initial: Tensors, read: (name: string) => Float32Array<ArrayBuffer>): Engine {
  return new Engine(
    onnxBackend(),
    { config: tinyModel("qwen2").config, tuning, checkpointing: true },
    read,
    initial,
  );
}

/** Every token a label, so that all log-probabilities are compared. */
function pack(sequences: number[][]) {
  return packExamples(sequences.map((ids) => idsExample({ s: [[ids[0]!], ids.slice(1)] })));
}

for (const variant of ["lora", "rslora", "qv_only", "patterns", "all_linear", "dora"]) {
  Deno.test(`an adapter of PEFT (${variant}) gives PyTorch's log-probabilities and gradients`, async () => {
    const golden = readJson(`${PEFT}${variant}/golden.json`), { weights } = tinyModel("qwen2");
    const { tuning, initial } = target(variant);
    const e = engine(tuning, initial, (name) => weights[name]!);
    const logps = await e.forward(pack(golden.sequences), { adapter: true, keep: true });
    const expected: number[] = golden.token_logps.flat();
    logps.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 5e-5, `log-probability ${i}`));
    const labelled: boolean[] = golden.labels.flatMap((l: number[]) => l.slice(1).map((v) => v !== -100));
    const count = labelled.filter(Boolean).length;
    await e.backward(Float64Array.from(labelled, (on) => on ? -1 / count : 0));
    const gradients = await e.parameters.gradients(), names = [...e.parameters.trained.keys()];
    const wanted = Object.entries(readTensors(`${PEFT}${variant}/grads.safetensors`));
    assert(wanted.length === names.length, "every trained tensor has a golden");
    for (const [peft, values] of wanted) {
      const actual = gradients[names.indexOf(engineName(peft))]!;
      const limit = 1e-5 + 1e-4 * values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      values.forEach((v, i) => assertAlmostEquals(actual[i]!, v, limit, `${peft}[${i}]`));
    }
    await e.dispose();
  });
}

for (const [folder, part] of [["model-bf16", "bf16"], ["model-sharded", "base"]] as const) {
  Deno.test(`${folder} gives PyTorch's log-probabilities`, async () => {
    const golden = readJson(`${TINY}qwen2/golden.json`);
    const model = await openModel(`${TINY}qwen2/${folder}`);
    const e = engine({ type: "none" }, {}, (name) => model.weights.read(name));
    model.weights.close();
    const logps = await e.forward(pack(golden.sequences), { adapter: false, keep: false });
    const expected: number[] = golden[part].token_logps.flat();
    logps.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 5e-5, `log-probability ${i}`));
    await e.dispose();
  });
}
