/**
 * One measured training process of `deno task bench train`: prints a JSON line per step and a summary as the last line, the
 * same fields as bench_iopo_torch.py, which is run beside it (`--against`).
 * @module
 */
import { parseArgs } from "node:util";

import { entryOf, item } from "../../formats/elements.ts";
import { type LoadedModel, openModel } from "../../formats/hf_model/mod.ts";
import type { EncodedExample } from "../../kernels/engine/encoded.ts";
import { onnxBackend } from "../../kernels/backends/onnx/mod.ts";
import { OnnxProfiler } from "../../kernels/backends/onnx/profile.ts";
import { exampleRows } from "../../kernels/engine/pack.ts";
import { type BackendChoice, EngineHost, type EngineSetup } from "../../kernels/engine/host.ts";
import { startEngine } from "../../kernels/engine/remote.ts";
import { LINEAR_MODULES, moduleShape } from "../../kernels/engine/decoder.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { type LogSink, silentLog, type StepReport } from "../../plugins/kinds/log_sink.ts";
import { BARE_LOOP } from "../../plugins/trainers/local/bare_loop.ts";
import { trainLoop } from "../../plugins/trainers/local/loop.ts";
import { ReferenceCache } from "../../plugins/trainers/local/reference.ts";
import { precomputeReferences } from "../../plugins/trainers/local/score.ts";
import { makeTarget, type TargetConfig } from "../../plugins/trainers/local/setup.ts";
import { openTorchEngine, type TorchEngine, type TorchSetup } from "../../plugins/trainers/torch/engine.ts";
import { processesPerNode } from "../../plugins/trainers/torch/gpus.ts";
import { modelFolder } from "../../plugins/trainers/torch/model_folder.ts";
import { type EngineChoices, shardingOf, torchOptions } from "../../plugins/trainers/torch/options.ts";
import { startRanks } from "../../plugins/trainers/torch/ranks.ts";
import { runTask } from "../common/cli.ts";
import { flagName } from "./flag_values.ts";
import { checkIds, type Quad, readQuads } from "./quads.ts";
import { type StepPart, stepParts } from "./train_profile.ts";

/** Seconds since this process started, runtime start included; null where /proc doesn't tell. */
function processAge(): number | null {
  try {
    const ticks = Number(Deno.readTextFileSync("/proc/self/stat").split(") ")[1]!.split(" ")[19]);
    return Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) - ticks / 100;
  } catch {
    return null;
  }
}

function peakMebibytes(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]) / 1024;
  } catch {
    return Deno.memoryUsage().rss / 2 ** 20;
  }
}

/** The sequences of a stage, as the Python script makes them. */
export function stageExample(stage: string, q: Quad, index: number): EncodedExample {
  const pairs: Record<string, Record<string, [number[], number[]]>> = {
    sft: { y: [q.x1_ids, q.y1_ids] },
    dpo: { chosen: [q.x1_ids, q.y1_ids], rejected: [q.x1_ids, q.y2_ids] },
    iopo: {
      x1y1: [q.x1_ids, q.y1_ids],
      x1y2: [q.x1_ids, q.y2_ids],
      x2y2: [q.x2_ids, q.y2_ids],
      x2y1: [q.x2_ids, q.y1_ids],
    },
  };
  return {
    index,
    source: { file: "quads", row: index },
    sequences: Object.entries(entryOf(pairs, stage)).map(([name, [x, y]]) => ({
      name,
      input_ids: Int32Array.from([...x, ...y]),
      labels: Int32Array.from([...x.map(() => -100), ...y]),
    })),
  };
}

/** The engine of `trainer: torch`, on this machine's GPUs or one CPU process. */
async function onTorch(
  setup: Omit<TorchSetup, keyof EngineChoices | "threads">,
  model: LoadedModel,
  choices: { dtype: string; compile: boolean },
  threads: number | null,
): Promise<TorchEngine> {
  const options = torchOptions.parse(choices), processes = processesPerNode(options);
  const folder = await Deno.makeTempDir({ prefix: "dinotune-bench-model-" });
  try {
    const modelPath = modelFolder(model, setup.decoder, folder);
    const ranks = await startRanks(options);
    return await openTorchEngine(ranks, {
      ...setup,
      ...options,
      modelPath,
      threads,
      sharding: shardingOf(options, processes),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An engine in this thread, whose operators are timed. */
function profiledEngine(setup: EngineSetup, model: LoadedModel, profiler: OnnxProfiler): EngineHost {
  const { backend, provider, threads, tensors, bf16, fp16 } = setup.device;
  if (backend !== "onnx" || tensors === "device" || bf16 || fp16) {
    throw new RangeError(
      `Cannot profile backend ${backend}: onnx alone tells what operators take, in float32 with --tensors host`,
    );
  }
  const made = onnxBackend({ provider, profiler, ...(threads !== null && { threads }) });
  return new EngineHost(made, setup, (name) => model.weights.read(name));
}

async function main(): Promise<void> {
  const { values: a } = parseArgs({
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
      profile: { type: "boolean", default: false },
    },
  });
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
  const lora: TargetConfig = {
    finetuning_type: "lora",
    base_model: null,
    adapter_name_or_path: [],
    lora_target: ["all"],
    lora_rank: 8,
    lora_alpha: 16,
    lora_dropout: 0,
    use_rslora: false,
    seed: 42,
    model_name_or_path: modelPath,
  };
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
  const torch = a.trainer === "torch"
    ? await onTorch(setup, model, { dtype: a.dtype, compile: a.compile }, threads)
    : null;
  const given = {
    values: new Map(
      Object.entries({
        backend: a.backend,
        provider: a.provider,
        operands: a.operands,
        tensors: a.tensors,
      }).filter(isGiven),
    ),
  };
  const operands = flagName(given, "operands", ["float32", "bf16", "fp16"]);
  const device: BackendChoice = {
    ...(operands === "bf16" && { bf16: true }),
    ...(operands === "fp16" && { fp16: true }),
    tensors: flagName(given, "tensors", ["host", "device"]),
    backend: flagName(given, "backend", ["onnx", "webgpu"]),
    provider: flagName(given, "provider", ["cpu", "cuda", "webgpu"]),
    threads,
  };
  const profiler = a.profile
    ? new OnnxProfiler(await Deno.makeTempDir({ prefix: "dinotune-profile-" }))
    : null;
  const engine = torch ??
    (profiler
      ? profiledEngine({ ...setup, device }, model, profiler)
      : await startEngine({ ...setup, device }));
  const ready = processAge();
  const packRows = a.rows ? Number(a.rows) : (await engine.packRows()).rows;
  const config = { ...BARE_LOOP, micro_batch_tokens: packRows };
  const batch = (step: number) =>
    Array.from(
      { length: accumulation },
      (_, k) => [item(examples, (step * accumulation + k) % examples.length)],
    );
  const rows: (StepReport & { rows: number; labels: number })[] = [];
  let first: number | null = null;
  const log: LogSink = {
    ...silentLog(),
    step: (report) => {
      first ??= processAge();
      const step = batch(report.step - 1).flat();
      const labels = step.reduce(
        (n, e) => n + e.sequences.reduce((m, s) => m + Array.from(s.labels).filter((l) => l >= 0).length, 0),
        0,
      );
      rows.push({ ...report, rows: step.reduce((n, e) => n + exampleRows(e), 0), labels });
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
    await precomputeReferences({ engine, loss, references }, "train", different, packRows, signal, () => {});
  }
  const reference = (performance.now() - began) / 1000 / different.length * accumulation;
  profiler?.begin();
  await run(warmup, total, references);
  profiler?.end();

  const timed = rows.slice(warmup), seconds = timed.reduce((s, r) => s + r.seconds, 0);
  const linear = decoder.numLayers *
    LINEAR_MODULES.reduce((n, m) => n + moduleShape(decoder, m).reduce((x, y) => x * y, 1), 0);
  const passes = a.checkpointing === "on" ? 6 : 4;
  const flops = timed.reduce(
    (n, r) => n + passes * linear * r.rows + 4 * decoder.hiddenSize * decoder.vocabSize * r.labels,
    0,
  );
  const description = await engine.describe(),
    used = await torch?.memory(),
    peak = peakMebibytes() + (used?.host ?? 0);
  await engine.close();
  const profile = profiler && await profileOf(profiler, timed, lora.lora_rank);
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
    rows_per_step: timed.reduce((s, r) => s + r.rows, 0) / timed.length,
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
  rank: number,
): Promise<StepPart[]> {
  try {
    const milliseconds = timed.reduce((sum, { seconds }) => sum + 1000 * seconds, 0);
    const parts = stepParts(await profiler.times(), milliseconds, rank);
    return parts.map((part) => ({ ...part, milliseconds: part.milliseconds / timed.length }));
  } finally {
    await Deno.remove(profiler.folder, { recursive: true });
  }
}

function isGiven(entry: [string, string | undefined]): entry is [string, string] {
  return entry[1] !== undefined;
}

// Ends the process itself: one that runs out with a graphics driver in use crashed in one of ten cases, its work done.
if (import.meta.main) await runTask(main);
