/**
 * One measured training process of `deno task bench train`: prints a JSON line per step and a summary as the last line, the
 * same fields as bench_iopo_torch.py, which is run beside it (`--against`).
 * @module
 */
import { parseArgs } from "node:util";

import { openModel } from "../../../formats/hf_model/mod.ts";
import type { OnnxProfiler } from "../../../kernels/backends/onnx/profile.ts";
import { keepFor } from "../../../kernels/engine/decoder/checkpointing.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { decoderOf } from "../../../plugins/kinds/decoder_of.ts";
import type { StepReport } from "../../../plugins/kinds/log_sink.ts";
import { ReferenceCache } from "../../../plugins/trainers/local/scoring/reference.ts";
import { makeTarget } from "../../../plugins/trainers/local/target/make_target.ts";
import type { TargetConfig } from "../../../plugins/trainers/local/target/target.ts";
import { runTask } from "../../common/cli/run_task.ts";
import { peakMebibytes, processAge } from "./process_figures.ts";
import { checkIds, readQuads } from "./quads.ts";
import { stageExample } from "./stage_example.ts";
import { TimedSteps } from "./timed_steps.ts";
import { openBenchEngine } from "./train_engine.ts";
import { type StepPart, stepParts } from "./train_profile.ts";
import { attentionOperations, productOperations, type StepForm } from "./train_work.ts";

function childArguments() {
  return parseArgs({
    options: {
      model: { type: "string" },
      quads: { type: "string" },
      mode: { type: "string", default: "iopo" },
      checkpointing: { type: "string", default: "on" },
      steps: { type: "string", default: "3" },
      warmup: { type: "string", default: "1" },
      threads: { type: "string" },
      rows: { type: "string" },
      accum: { type: "string", default: "8" },
      trainer: { type: "string", default: "local" },
      dtype: { type: "string", default: "float32" },
      compile: { type: "boolean", default: false },
      backend: { type: "string" },
      provider: { type: "string" },
      operands: { type: "string" },
      tensors: { type: "string" },
      quantization: { type: "string" },
      adapter: { type: "string", default: "lora" },
      profile: { type: "boolean", default: false },
    },
  }).values;
}

/** How the engine goes through a step; PyTorch's checkpoints keep inputs alone, too. */
function formOf(a: ReturnType<typeof childArguments>): StepForm {
  const isOnnx = a.trainer === "local" && (a.backend ?? "onnx") === "onnx";
  const hostMemory = isOnnx && (a.provider ?? "cpu") === "cpu" && (a.tensors ?? "host") === "host";
  const keep = keepFor(a.checkpointing === "on", { hostMemory }, a.quantization !== undefined);
  return { keep, fewLast: isOnnx && (hostMemory || a.tensors === "device") };
}

/** LoRA of the peer, or the same with DoRA: rank 8 on all linear modules, seed 42. */
function loraOf(model: string, adapter: string): TargetConfig {
  return {
    finetuning_type: "lora",
    freeze_trainable_layers: 2,
    freeze_trainable_modules: ["all"],
    freeze_extra_modules: [],
    use_llama_pro: false,
    base_model: null,
    adapter_name_or_path: [],
    lora_target: ["all"],
    additional_target: [],
    lora_rank: 8,
    lora_alpha: 16,
    lora_dropout: 0,
    use_rslora: false,
    use_dora: adapter === "dora",
    pissa_init: false,
    seed: 42,
    model_name_or_path: model,
  };
}

async function main(): Promise<void> {
  const a = childArguments();
  const { mode, model, decoder, loss, examples, target, lora } = await openTraining(a);
  const warmup = Number(a.warmup), total = warmup + Number(a.steps), accumulation = Number(a.accum);
  const { engine, torch, profiler } = await openBenchEngine(
    {
      modelPath: model.path,
      decoder,
      tuning: target.tuning,
      initial: target.initial,
      checkpointing: a.checkpointing === "on",
      ...(a.quantization !== undefined &&
        { quantizationBit: a.quantization === "4" ? 4 as const : 8 as const }),
      seed: 42,
      optimizer: { betas: [0.9, 0.999] as const, epsilon: 1e-8, weightDecay: 0 },
    },
    model,
    a,
    a.threads ? Number(a.threads) : null,
  );
  const ready = processAge();
  const packing = await engine.packRows(a.rows ? Number(a.rows) : undefined);
  const steps = new TimedSteps({ engine, loss, target, examples, packing, accumulation, warmup, total });
  await steps.run(0, warmup, new ReferenceCache());
  const { references, seconds: reference } = await steps.references();
  profiler?.begin();
  await steps.run(warmup, total, references);
  profiler?.end();

  const timed = steps.rows.slice(warmup), seconds = timed.reduce((s, r) => s + r.seconds, 0);
  const packs = timed.flatMap((step) => step.packs), form = formOf(a);
  const description = await engine.describe(),
    used = await torch?.memory(),
    peak = peakMebibytes() + (used?.host ?? 0);
  await engine.close();
  const profile = profiler && await profileOf(profiler, timed, {
    rank: lora.lora_rank,
    attention: attentionOperations(packs, decoder, form.keep),
  });
  console.log(JSON.stringify({
    summary: true,
    mode,
    dtype: a.dtype,
    checkpointing: a.checkpointing,
    backend: description,
    steps: timed.length,
    seconds_per_step: seconds / timed.length,
    reference_seconds_per_step: reference,
    tokens_per_second: timed.reduce((s, r) => s + r.tokens, 0) / seconds,
    rows_per_step: packs.reduce((sum, { ids }) => sum + ids.length, 0) / timed.length,
    gflops: productOperations(packs, decoder, form) / seconds / 1e9,
    seconds_to_model_ready: ready,
    seconds_to_first_step: steps.first,
    peak_rss_mib: peak,
    peak_device_mib: used?.device ?? 0,
    ...(profile && { profile }),
  }));
  model.weights.close();
}

/** What is trained, with the data. */
async function openTraining(
  { model: modelPath, quads: quadsPath, mode, adapter }: ReturnType<typeof childArguments>,
) {
  if (modelPath === undefined || quadsPath === undefined) {
    throw new RangeError("Cannot measure as --model and --quads are needed");
  }
  const registry = builtinRegistry();
  const model = await openModel(modelPath);
  const decoder = decoderOf(registry, model);
  const loss = registry.create("loss", mode, mode === "sft" ? {} : { beta: 0.1 });
  const quads = readQuads(quadsPath);
  checkIds(quads, decoder.vocabSize, { model: modelPath, file: quadsPath });
  const examples = quads.map((q, i) => stageExample(mode, q, i));
  const lora = loraOf(modelPath, adapter);
  return {
    mode,
    model,
    decoder,
    loss,
    examples,
    lora,
    target: makeTarget(lora, model, decoder, { files: {} }),
  };
}

/** Milliseconds of one of the timed steps by kinds of work. */
async function profileOf(
  profiler: OnnxProfiler,
  timed: readonly StepReport[],
  { rank, attention }: { rank: number; attention: number },
): Promise<StepPart[]> {
  try {
    const milliseconds = timed.reduce((sum, { seconds }) => sum + 1000 * seconds, 0);
    const parts = stepParts(await profiler.times(), milliseconds, rank, attention);
    return parts.map((part) => ({ ...part, milliseconds: part.milliseconds / timed.length }));
  } finally {
    await Deno.remove(profiler.folder, { recursive: true });
  }
}

// Ends the process itself: one that runs out with a graphics driver in use crashed in one of ten cases, its work done.
if (import.meta.main) await runTask(main);
