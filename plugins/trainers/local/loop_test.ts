/** Six optimizer steps of tiny models against PyTorch in float64 (fixtures/goldens/tiny/train), through the whole loop. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { testBackends } from "../../../kernels/backends/_test_backends.ts";
import type { Backend } from "../../../kernels/backend.ts";
import type { TrainConfig } from "../../config/train_config.ts";
import type { EncodedExample } from "../../data/encoded.ts";
import {
  engineName,
  idsExample,
  readJson,
  readTensors,
  TINY,
  tinyAdapter,
  tinyModel,
} from "../../engine/_tiny.ts";
import { EngineHost } from "../../engine/host.ts";
import type { Tuning } from "../../engine/parameters.ts";
import type { Loss } from "../../losses/loss.ts";
import { losses } from "../../losses/mod.ts";
import { LINEAR_MODULES } from "../../models/decoder.ts";
import type { LogSink, StepReport } from "../../outputs/log_sink.ts";
import { trainLoop } from "./loop.ts";
import { ReferenceCache } from "./reference.ts";

type Quad = Record<"x1" | "y1" | "x2" | "y2", number[]>;

/** A log sink that keeps step reports. */
function recorder(): LogSink & { steps: StepReport[] } {
  const steps: StepReport[] = [], nothing = () => {};
  return {
    steps,
    step: (r) => steps.push(r),
    phase: nothing,
    evaluation: nothing,
    checkpoint: nothing,
    warn: nothing,
    state: () => null,
    restore: nothing,
  };
}

function examplesOf(method: string, quad: Quad): EncodedExample[] {
  const { x1, y1, x2, y2 } = quad;
  if (method === "sft") return [idsExample({ y: [x1, y1] }), idsExample({ y: [x2, y2] })];
  if (method === "dpo") return [idsExample({ chosen: [x1, y1], rejected: [x1, y2] })];
  return [idsExample({ x1y1: [x1, y1], x1y2: [x1, y2], x2y2: [x2, y2], x2y1: [x2, y1] })];
}

function lossOf(method: string, beta: number): Loss {
  const plugin = losses.find((l) => l.name === method)!;
  return plugin.create(plugin.options.parse(method === "sft" ? {} : { beta })) as Loss;
}

const RUNS = [
  "full_sft_llama",
  "full_sft_qwen2",
  "full_dpo_qwen3",
  "full_iopo_mistral",
  "lora_sft_llama3",
  "lora_dpo_llama",
  "lora_iopo_qwen2",
  "lora_iopo_qwen3",
];

async function repeat(run: string, backend: Backend, budget: number, checkpointing: boolean) {
  const golden = readJson(`${TINY}train/${run}.json`);
  const [kind, method, arch] = run.split("_") as [string, string, string];
  const { config: decoder, weights } = tinyModel(arch);
  const adapter = tinyAdapter(arch, decoder, LINEAR_MODULES);
  const tuning: Tuning = kind === "full"
    ? { type: "full" }
    : { type: "lora", modules: adapter.modules, dropout: 0 };
  const { betas, eps, peak_lr, weight_decay, max_grad_norm } = golden.optimizer;
  const initial = kind === "full" ? weights : adapter.initial;
  const start = Object.fromEntries(Object.entries(initial).map(([name, v]) => [name, v.slice()]));
  const engine = new EngineHost(backend, {
    modelPath: "",
    decoder,
    tuning,
    initial: kind === "full" ? {} : adapter.initial,
    checkpointing,
    seed: 0,
    device: { backend: "reference", provider: "cpu", threads: null },
    optimizer: { betas, epsilon: eps, weightDecay: weight_decay },
  }, (name) => weights[name]!);
  const loss = lossOf(method, golden.beta), log = recorder(), references = new ReferenceCache();
  const all = golden.data.map((quad: Quad, i: number) =>
    examplesOf(method, quad).map((e, k) => ({ ...e, index: 2 * i + k, source: { file: run, row: i } }))
  ) as EncodedExample[][];
  if (kind === "full" && loss.needsReference) {
    // The reference of full tuning is the model as loaded: the golden gives its sums.
    for (const { quads, micro } of golden.steps) {
      quads.forEach((q: number, i: number) => {
        const sums = micro[i].reference_logp;
        references.set(
          "train",
          all[q]![0]!,
          method === "dpo"
            ? { chosen: sums.chosen ?? sums.x1y1, rejected: sums.rejected ?? sums.x1y2 }
            : sums,
        );
      });
    }
  }
  const config = {
    stage: method,
    finetuning_type: kind,
    learning_rate: peak_lr,
    lr_scheduler_type: golden.schedule.name,
    lr_scheduler_kwargs: {},
    warmup_steps: golden.schedule.warmup_steps,
    warmup_ratio: 0,
    max_grad_norm,
    micro_batch_tokens: budget,
    eval_strategy: "no",
    save_strategy: "no",
    eval_on_start: false,
    early_stopping_steps: null,
  } as unknown as TrainConfig;
  const result = await trainLoop({
    engine,
    loss,
    references,
    config,
    plan: {
      totalSteps: golden.order.length,
      stepsPerEpoch: golden.order.length,
      step: (i) => golden.order[i].map((q: number) => all[q]!),
      epoch: (steps) => steps / golden.order.length,
    },
    target: { tuning, initial: {}, save: () => {} },
    evaluation: [],
    log,
    signal: new AbortController().signal,
    dataHash: "",
    modelHash: "",
    from: { step: 0, best: null },
  });
  assert(result.finished);
  const trained = await engine.trained();
  await engine.close();
  return { golden, steps: log.steps, start, trained };
}

for (const { name: backendName, ignore, make } of await testBackends()) {
  for (const run of RUNS) {
    for (const [budget, checkpointing] of [[1, true], [1000, false]] as const) {
      Deno.test({
        name: `trainLoop() repeats ${run} (${
          budget === 1 ? "an example a pack, checkpointing" : "a step a pack"
        }, ${backendName})`,
        ignore,
        fn: async () => {
          const { golden, steps, start, trained } = await repeat(run, await make(), budget, checkpointing);
          assertEquals(steps.length, golden.steps.length);
          steps.forEach((report, i) => {
            const expected = golden.steps[i];
            // Tolerances of that folder's README.
            assertAlmostEquals(report.loss, expected.loss, 1e-4, `loss of step ${i}`);
            assertAlmostEquals(
              report.gradNorm,
              expected.grad_norm,
              1e-3 * expected.grad_norm,
              `norm of step ${i}`,
            );
            assertAlmostEquals(report.learningRate, expected.lr, 1e-12);
          });
          let off = 0, update = 0;
          for (
            const [peft, expected] of Object.entries(readTensors(`${TINY}train/${run}.final.safetensors`))
          ) {
            const name = engineName(peft), actual = trained[name]!, before = start[name]!;
            expected.forEach((v, i) => {
              off += (actual[i]! - v) ** 2;
              update += (v - before[i]!) ** 2;
            });
          }
          assert(Math.sqrt(off / update) < 1e-3, `relative L2 of the update is ${Math.sqrt(off / update)}`);
        },
      });
    }
  }
}
