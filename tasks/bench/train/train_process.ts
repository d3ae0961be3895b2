/**
 * The processes that `deno task bench train` measures: ours, and a peer's on the same token ids.
 * @module
 */
import { fileURLToPath } from "node:url";

import { item } from "../../../formats/elements.ts";
import { defaultThreads } from "../../../kernels/threads.ts";
import { startChild } from "../child.ts";
import type { TrainBenchOptions } from "./train_options.ts";
import type { StepPart } from "./train_profile.ts";

/** One measured process. */
export interface MeasuredProcess {
  program: string;
  checkpointing: string;
  seconds: number;
  reference: number;
  tokensPerSecond: number;
  peakMebibytes: number;
  firstStep: number;
  /** Seconds until the model was ready; null for the peer. */
  ready: number | null;
  /** 10⁹ operations a second of the products; null for the peer. */
  gflops: number | null;
  /** Loss of the first step. */
  firstLoss: number;
  /** A step by kinds of work, where that was asked for. */
  profile: readonly StepPart[] | null;
}

/** A process to measure. */
export interface TrainProgram {
  /** As the table calls it. */
  name: string;
  command: string[];
  checkpointing: "on" | "off";
}

/**
 * Processes in the order of their turns: of each setting of checkpointing ours with each form of weights, then the peer's in each dtype.
 * @param folder Hugging Face folder of the model in float32, for the peer
 */
export function trainPrograms(options: TrainBenchOptions, folder: string): TrainProgram[] {
  const { checkpointing, weights, against, dtypes } = options;
  return checkpointing.flatMap((setting) => [
    ...weights.map((form) => own(options, setting, form)),
    ...against === null ? [] : dtypes.map((dtype) => peer(options, { against, folder, dtype }, setting)),
  ]);
}

/** Words that our process and the peer's both take. */
function common({ quads, stage, quadruples, steps }: TrainBenchOptions, checkpointing: string): string[] {
  return [
    ...["--quads", quads, "--mode", stage, "--accum", String(quadruples)],
    ...["--steps", String(steps), "--warmup", "1", "--checkpointing", checkpointing],
  ];
}

function own(
  options: TrainBenchOptions,
  checkpointing: "on" | "off",
  form: TrainBenchOptions["weights"][number],
): TrainProgram {
  const { model, trainer, dtypes, backend, provider, operands, tensors, profile, compile, threads } = options;
  const dtype = trainer === "torch" ? item(dtypes, 0) : "float32";
  const words = [
    ...(trainer === "torch" ? ["torch"] : []),
    form !== "float32" ? `${form} bits` : operands === "float32" ? dtype : operands,
    ...(backend === "onnx" ? [] : [backend]),
    ...(provider === "cpu" ? [] : [provider]),
    ...(tensors === "host" ? [] : ["tensors on the device"]),
    ...(compile ? ["compiled"] : []),
  ];
  const command = [
    Deno.execPath(),
    "run",
    "-A", // resident memory and process age stand in /proc, which Deno opens with all permissions only
    fileURLToPath(new URL("./train_child.ts", import.meta.url)),
    ...["--model", model, ...common(options, checkpointing)],
    ...["--trainer", trainer, "--dtype", dtype, "--backend", backend, "--provider", provider],
    ...["--operands", operands, "--tensors", tensors],
    ...(form === "float32" ? [] : ["--quantization", form]),
    ...(profile ? ["--profile"] : []),
    ...(compile ? ["--compile"] : []),
    ...(threads === null ? [] : ["--threads", String(threads)]),
  ];
  return { name: `dinotune ${words.join(" ")}`, command, checkpointing };
}

function peer(
  options: TrainBenchOptions,
  { against, folder, dtype }: { against: string; folder: string; dtype: string },
  checkpointing: "on" | "off",
): TrainProgram {
  const command = [
    ...against.split(" "),
    ...["--model", folder, "--dtype", dtype, ...common(options, checkpointing)],
    ...["--threads", String(options.threads ?? defaultThreads())],
  ];
  return { name: `PyTorch ${dtype}`, command, checkpointing };
}

/**
 * Runs a process to its end.
 * @throws {Error} If it fails; with the end of what it wrote to standard error
 */
export async function measureProcess(
  { name: program, command, checkpointing }: TrainProgram,
): Promise<MeasuredProcess> {
  const { code, stdout, stderr } = await startChild(item(command, 0), {
    args: command.slice(1),
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(
      `Cannot measure ${program}: it ended with ${code}\n${new TextDecoder().decode(stderr).slice(-2000)}`,
    );
  }
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  const summary = lines.at(-1);
  return {
    program,
    checkpointing,
    seconds: summary.seconds_per_step,
    reference: summary.reference_seconds_per_step ?? 0,
    tokensPerSecond: summary.tokens_per_second,
    peakMebibytes: summary.peak_rss_mib,
    firstStep: summary.seconds_to_first_step,
    ready: summary.seconds_to_model_ready ?? null,
    gflops: summary.gflops ?? null,
    firstLoss: lines[0].loss,
    profile: summary.profile ?? null,
  };
}
