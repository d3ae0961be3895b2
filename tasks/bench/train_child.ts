/**
 * One measured training process of `deno task bench train`: prints a JSON line per step and a summary as the last line, the
 * same fields as bench_iopo_torch.py, which is run beside it (`--against`).
 * @module
 */
import { parseArgs } from "node:util";

import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import type { OnnxProfiler } from "../../kernels/backends/onnx/profile.ts";
import { keepFor } from "../../kernels/engine/checkpointing.ts";
import { type Pack, packExamples, packUnits } from "../../kernels/engine/pack.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { type LogSink, silentLog, type StepReport } from "../../plugins/kinds/log_sink.ts";
import { BARE_LOOP } from "../../plugins/trainers/local/bare_loop.ts";
import { trainLoop } from "../../plugins/trainers/local/loop.ts";
import { ReferenceCache } from "../../plugins/trainers/local/reference.ts";
import { precomputeReferences } from "../../plugins/trainers/local/score.ts";
import { makeTarget, type TargetConfig } from "../../plugins/trainers/local/setup.ts";
import { runTask } from "../common/cli.ts";
import { peakMebibytes, processAge } from "./process_figures.ts";
import { checkIds, readQuads } from "./quads.ts";
import { stageExample } from "./stage_example.ts";
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

/** A step with its packs. */
type TimedStep = StepReport & { packs: Pack[] };

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
    base_model: null,
    adapter_name_or_path: [],
    lora_target: ["all"],
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
  const { model: modelPath, quads: quadsPath } = a;
  if (modelPath === undefined || quadsPath === undefined) {
    throw new RangeError("Cannot measure as --model and --quads are needed");
  }
  const registry = builtinRegistry();
  const model = await openModel(modelPath);
  const decoder = decoderOf(registry, model);
  const loss = registry.create("loss", a.mode, a.mode === "sft" ? {} : { beta: 0.1 });
  const quads = readQuads(quadsPath);
  checkIds(quads, decoder.vocabSize, { model: modelPath, file: quadsPath });
  const examples = quads.map((q, i) => stageExample(a.mode, q, i));
  const accumulation = Number(a.accum), warmup = Number(a.warmup), total = warmup + Number(a.steps);
  const lora = loraOf(modelPath, a.adapter);
  const target = makeTarget(lora, model, decoder, {});
  const threads = a.threads ? Number(a.threads) : null;
  const setup = {
    modelPath: model.path,
    decoder,
    tuning: target.tuning,
    initial: target.initial,
    checkpointing: a.checkpointing === "on",
    ...(a.quantization !== undefined &&
      { quantizationBit: a.quantization === "4" ? 4 as const : 8 as const }),
    seed: 42,
    optimizer: { betas: [0.9, 0.999] as const, epsilon: 1e-8, weightDecay: 0 },
  };
  const { engine, torch, profiler } = await openBenchEngine(setup, model, a, threads);
  const ready = processAge();
  const { rows: packRows, together } = await engine.packRows(a.rows ? Number(a.rows) : undefined);
  const config = { ...BARE_LOOP, micro_batch_tokens: packRows };
  const batch = (step: number) =>
    Array.from(
      { length: accumulation },
      (_, k) => [item(examples, (step * accumulation + k) % examples.length)],
    );
  const rows: TimedStep[] = [];
  let first: number | null = null;
  const log: LogSink = {
    ...silentLog(),
    step: (report) => {
      first ??= processAge();
      rows.push({
        ...report,
        packs: packUnits(batch(report.step - 1), packRows, engine.replicas).map((packed) =>
          packExamples(packed, { shared: engine.replicas === 1 })
        ),
      });
      console.log(JSON.stringify({
        step: report.step,
        loss: report.loss,
        grad_norm: report.gradNorm,
        seconds: report.seconds,
        tokens: report.tokens,
        warmup: report.step <= warmup,
      }));
    },
  };
  const signal = new AbortController().signal;
  const run = (from: number, to: number, references: ReferenceCache) =>
    trainLoop({
      engine,
      loss,
      references,
      together,
      config,
      target,
      plan: { totalSteps: to, stepsPerEpoch: total, step: batch, epoch: (s) => s / total },
      evaluation: [],
      dropout: 0,
      record: {},
      log,
      signal,
      dataHash: "",
      modelHash: "",
      from: { step: from, best: null },
    });
  await run(0, warmup, new ReferenceCache());
  // References are data, computed once in a run of several epochs: their cost is shown beside the step, not inside it.
  const began = performance.now();
  const references = new ReferenceCache();
  const ahead = Array.from({ length: total - warmup }, (_, i) => batch(warmup + i).flat()).flat();
  const different = [...new Set(ahead)];
  if (loss.needsReference) {
    await precomputeReferences(
      { engine, references, together },
      "train",
      different,
      packRows,
      signal,
      () => {},
    );
  }
  const reference = (performance.now() - began) / 1000 / different.length * accumulation;
  profiler?.begin();
  await run(warmup, total, references);
  profiler?.end();

  const timed = rows.slice(warmup), seconds = timed.reduce((s, r) => s + r.seconds, 0);
  const packs = timed.flatMap((step) => step.packs), form = formOf(a);
  const flops = productOperations(packs, decoder, form);
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
    mode: a.mode,
    dtype: a.dtype,
    checkpointing: a.checkpointing,
    backend: description,
    steps: timed.length,
    seconds_per_step: seconds / timed.length,
    reference_seconds_per_step: loss.needsReference ? reference : 0,
    tokens_per_second: timed.reduce((s, r) => s + r.tokens, 0) / seconds,
    rows_per_step: packs.reduce((sum, { ids }) => sum + ids.length, 0) / timed.length,
    gflops: flops / seconds / 1e9,
    seconds_to_model_ready: ready,
    seconds_to_first_step: first,
    peak_rss_mib: peak,
    peak_device_mib: used?.device ?? 0,
    ...(profile && { profile }),
  }));
  model.weights.close();
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
