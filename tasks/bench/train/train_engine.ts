/**
 * The engine of a measured training: this project's, with or without a profile of its operators, or PyTorch's processes.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import { onnxBackend } from "../../../kernels/backends/onnx/mod.ts";
import { OnnxProfiler } from "../../../kernels/backends/onnx/profile.ts";
import { type BackendChoice, EngineHost, type EngineSetup } from "../../../kernels/engine/host.ts";
import { startEngine } from "../../../kernels/engine/worker/remote.ts";
import {
  openTorchEngine,
  type TorchEngine,
  type TorchSetup,
} from "../../../plugins/trainers/torch/engine.ts";
import { processesPerNode } from "../../../plugins/trainers/torch/gpus.ts";
import { modelFolder } from "../../../plugins/trainers/torch/model_folder.ts";
import { type EngineChoices, shardingOf, torchOptions } from "../../../plugins/trainers/torch/options.ts";
import { startRanks } from "../../../plugins/trainers/torch/ranks.ts";
import { flagName } from "../flag_values.ts";

/** Values of the arguments that choose an engine; absent: the first of what each takes. */
export interface EngineArguments {
  trainer: string;
  /** Of PyTorch's processes. */
  dtype: string;
  compile: boolean;
  backend?: string | undefined;
  provider?: string | undefined;
  operands?: string | undefined;
  tensors?: string | undefined;
  /** Of our operators. */
  profile: boolean;
}

/** An engine, and what else is known of it. */
export interface BenchEngine {
  engine: TorchEngine | EngineHost | Awaited<ReturnType<typeof startEngine>>;
  /** The same where it is PyTorch's. */
  torch: TorchEngine | null;
  /** Times operators from `begin` to `end`; null: it wasn't asked for. */
  profiler: OnnxProfiler | null;
}

/**
 * Starts the engine.
 * @param threads Null: the default of each
 * @throws {RangeError} If an argument has no such value, or operators can't be timed with the others
 */
export async function openBenchEngine(
  setup: Omit<EngineSetup, "device"> & Omit<TorchSetup, keyof EngineChoices | "threads">,
  model: LoadedModel,
  given: EngineArguments,
  threads: number | null,
): Promise<BenchEngine> {
  if (given.trainer === "torch") {
    const torch = await onTorch(setup, model, { dtype: given.dtype, compile: given.compile }, threads);
    return { engine: torch, torch, profiler: null };
  }
  const device = deviceOf(given, threads);
  if (!given.profile) return { engine: await startEngine({ ...setup, device }), torch: null, profiler: null };
  const profiler = new OnnxProfiler(await Deno.makeTempDir({ prefix: "dinotune-profile-" }));
  return { engine: profiledEngine({ ...setup, device }, model, profiler), torch: null, profiler };
}

function deviceOf(
  { backend, provider, operands, tensors }: EngineArguments,
  threads: number | null,
): BackendChoice {
  const values = new Map(
    Object.entries({ backend, provider, operands, tensors }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    ),
  );
  const rounded = flagName({ values }, "operands", ["float32", "bf16", "fp16"]);
  return {
    ...(rounded === "bf16" && { bf16: true }),
    ...(rounded === "fp16" && { fp16: true }),
    tensors: flagName({ values }, "tensors", ["host", "device"]),
    backend: flagName({ values }, "backend", ["onnx", "webgpu"]),
    provider: flagName({ values }, "provider", ["cpu", "cuda", "webgpu"]),
    threads,
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
