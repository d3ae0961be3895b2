/**
 * `deno task bench train`: seconds a step of LoRA training, beside PyTorch's on the same token ids, in turns.
 * @module
 */
import { fileURLToPath } from "node:url";

import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { makeBackend } from "../../kernels/engine/backends.ts";
import type { BackendChoice } from "../../kernels/engine/host.ts";
import { defaultThreads } from "../../kernels/threads.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { Engine } from "../../kernels/engine/engine.ts";
import { packExamples } from "../../kernels/engine/pack.ts";
import { modelFolder } from "../../plugins/trainers/torch/model_folder.ts";
import { markdownTable } from "../common/table.ts";
import { checkIds, readQuads } from "./quads.ts";
import { stageExample } from "./train_child.ts";
import { type StepPart, stepText } from "./train_profile.ts";
import { measureGflops } from "../train/estimate.ts";

/** Options of the bench. */
export interface TrainBenchOptions {
  stage: "iopo" | "dpo" | "sft";
  model: string;
  quads: string;
  steps: number;
  /** Of a step. */
  quadruples: number;
  rounds: number;
  /** Settings to try of each side. */
  checkpointing: readonly ("on" | "off")[];
  /** Command of the Python script, or null. */
  against: string | null;
  dtypes: readonly ("float32" | "bfloat16")[];
  threads: number | null;
  /** Our engine: this project's kernels in float32, or PyTorch's processes in the first of `dtypes`. */
  trainer: "local" | "torch";
  /** Compile blocks with torch.compile; of trainer torch. */
  compile: boolean;
  /** Of our own kernels. */
  backend: "onnx" | "webgpu";
  provider: "cpu" | "cuda" | "webgpu";
  /** Operands of products with a frozen weight; the CPU's provider rounds in float32, to try a device's programs by. */
  operands: "float32" | "bf16" | "fp16";
  /** Place of tensors between programs of ONNX Runtime. */
  tensors: "host" | "device";
  /** Forms of our frozen weights, in turns. */
  weights: readonly ("float32" | "8" | "4")[];
  /** Whether a step is shown by kinds of work. */
  profile: boolean;
}

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

/** Runs everything in turns; prints as it goes. */
export async function benchTrain(
  options: TrainBenchOptions,
  say: (line: string) => void,
): Promise<{ runs: MeasuredProcess[]; peakGflops: number }> {
  const {
    model: path,
    quads,
    steps,
    quadruples,
    rounds,
    checkpointing,
    against,
    dtypes,
    stage,
    threads,
    trainer,
    profile,
    compile,
    weights,
    operands,
    tensors,
  } = options;
  const { backend: name, provider } = options, place = { backend: name, provider, threads, tensors };
  const device: BackendChoice = {
    ...place,
    ...(operands === "bf16" && { bf16: true }),
    ...(operands === "fp16" && { fp16: true }),
  };
  if ((operands !== "float32" || tensors !== "host") && (trainer === "torch" || name !== "onnx")) {
    throw new RangeError(
      `Cannot use --operands or --tensors with ${
        trainer === "torch" ? "--trainer torch" : `--backend ${name}`
      }: they are of onnx`,
    );
  }
  if (trainer === "torch" && (profile || name !== "onnx" || provider !== "cpu")) {
    throw new RangeError(
      "Cannot use --profile, --backend or --provider with --trainer torch: it has kernels of its own",
    );
  }
  if (compile && trainer !== "torch") {
    throw new RangeError(`Cannot use --compile with --trainer ${trainer}: torch alone has torch.compile`);
  }
  if (weights.some((form) => form !== "float32") && (trainer === "torch" || profile)) {
    throw new RangeError(
      `Cannot use --weights ${weights} with ${
        profile ? "--profile" : "--trainer torch"
      }: float32 alone is measured there`,
    );
  }
  if (profile && name !== "onnx") {
    throw new RangeError(`Cannot use --profile with --backend ${name}: onnx alone tells what operators take`);
  }
  // In float32: sequences by themselves are rounded elsewhere than shared ones.
  await checkFirst(path, quads, place, say);
  const directory = await Deno.makeTempDir({ prefix: "dinotune-bench-" });
  try {
    const folder = against ? await asFolder(path, directory) : "";
    const common = [
      ...["--quads", quads, "--mode", stage, "--accum", String(quadruples)],
      ...["--steps", String(steps), "--warmup", "1"],
    ];
    const dtype = trainer === "torch" ? item(dtypes, 0) : "float32";
    const own = (ck: string, form: string) => ({
      program: `dinotune ${
        [
          form !== "float32" ? `${form} bits` : operands === "float32" ? dtype : operands,
          ...(name === "onnx" ? [] : [name]),
          ...(provider === "cpu" ? [] : [provider]),
          ...(tensors === "host" ? [] : ["tensors on the device"]),
          ...(compile ? ["compiled"] : []),
        ]
          .join(" ")
      }`,
      command: [
        Deno.execPath(),
        "run",
        "-A", // resident memory and process age stand in /proc, which Deno opens with all permissions only
        fileURLToPath(new URL("./train_child.ts", import.meta.url)),
        "--model",
        path,
        ...common,
        ...["--trainer", trainer, "--dtype", dtype, "--backend", name, "--provider", provider],
        ...["--operands", operands, "--tensors", tensors],
        ...(form === "float32" ? [] : ["--quantization", form]),
        ...(profile ? ["--profile"] : []),
        ...(compile ? ["--compile"] : []),
        ...(threads === null ? [] : ["--threads", String(threads)]),
      ],
      ck,
    });
    const peer = (dtype: string, ck: string) => ({
      program: `PyTorch ${dtype}`,
      command: [
        ...against!.split(" "),
        "--model",
        folder,
        "--dtype",
        dtype,
        ...common,
        "--threads",
        String(threads ?? defaultThreads()),
      ],
      ck,
    });
    const turns = checkpointing.flatMap((
      ck,
    ) => [...weights.map((form) => own(ck, form)), ...(against ? dtypes.map((d) => peer(d, ck)) : [])]);
    const runs: MeasuredProcess[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const { program, command, ck } of turns) {
        const measured = await measure(program, [...command, "--checkpointing", ck], ck);
        say(
          `  ${program}, checkpointing ${ck}: ${measured.seconds.toFixed(2)} s a step, ${
            measured.peakMebibytes.toFixed(0)
          } MiB`,
        );
        runs.push(measured);
      }
    }
    checkLosses(runs);
    const backend = await makeBackend(device);
    const registry = builtinRegistry(), opened = await openModel(path);
    const peakGflops = await measureGflops(
      backend,
      decoderOf(registry, opened),
    );
    opened.weights.close();
    await backend.dispose();
    return { runs, peakGflops };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Nothing is timed before it is right: packed and shared equals one sequence at a time, in log-probabilities. */
async function checkFirst(
  path: string,
  file: string,
  device: BackendChoice,
  say: (line: string) => void,
): Promise<void> {
  const quads = readQuads(file), model = await openModel(path);
  const decoder = decoderOf(builtinRegistry(), model);
  try {
    checkIds(quads, decoder.vocabSize, { model: path, file });
  } catch (error) {
    model.weights.close();
    throw error;
  }
  const engine = new Engine(
    await makeBackend(device),
    { config: decoder, tuning: { type: "none" }, checkpointing: true },
    (n) => model.weights.read(n),
  );
  const example = stageExample("iopo", item(quads, 0), 0);
  const sum = async (sequences: typeof example.sequences) => {
    const pack = packExamples([{ ...example, sequences }]);
    const logps = await engine.forward(pack, { adapter: false, keep: false });
    const sums = new Float64Array(sequences.length);
    logps.forEach((v, l) =>
      pack.owners.subarray(pack.ownerStart[l], pack.ownerStart[l + 1]).forEach((s) => sums[s]! += v)
    );
    return sums;
  };
  const shared = await sum(example.sequences);
  for (const [i, sequence] of example.sequences.entries()) {
    const alone = (await sum([sequence]))[0]!, off = Math.abs(alone - item(shared, i));
    if (!(off < 2e-3)) {
      throw new Error(
        `Cannot time what is wrong: "${sequence.name}" sums to ${alone} alone and ${shared[i]} shared`,
      );
    }
  }
  say("checked: sequences that share a prompt have the log-probabilities they have alone");
  model.weights.close();
  await engine.dispose();
}

/** The peer starts from other random adapters, but with B = 0 the first loss is the model's own. */
function checkLosses(runs: readonly MeasuredProcess[]): void {
  const ours = runs.find((r) => r.gflops !== null)!;
  for (const { program, firstLoss } of runs) {
    const allowed = [program, ours.program].some((name) => name.includes("bfloat16")) ? 0.05 : 1e-4;
    if (Math.abs(firstLoss - ours.firstLoss) > allowed) {
      throw new Error(
        `Cannot compare: the first loss is ${ours.firstLoss} here and ${firstLoss} in ${program}`,
      );
    }
  }
}

async function measure(program: string, command: string[], checkpointing: string): Promise<MeasuredProcess> {
  const { code, stdout, stderr } = await new Deno.Command(item(command, 0), {
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

/** A Hugging Face folder of the model in float32, for the peer: written from a GGUF file where needed. */
async function asFolder(path: string, directory: string): Promise<string> {
  const model = await openModel(path);
  try {
    return modelFolder(model, decoderOf(builtinRegistry(), model), directory);
  } finally {
    model.weights.close();
  }
}

/** The table: medians of each program and setting, and ratios against ours in our faster setting. */
export function trainBenchText(runs: readonly MeasuredProcess[], peakGflops: number): string {
  const groups = Map.groupBy(runs, (r) => `${r.program}|${r.checkpointing}`);
  const rows = [...groups].map(([key, list]) => ({
    key,
    program: item(list, 0).program,
    ck: item(list, 0).checkpointing,
    ...medians(list),
  }));
  const fastest = (program: string) =>
    rows.filter((r) => r.program === program).toSorted((a, b) => a.seconds - b.seconds)[0]!;
  const ours = fastest(item(rows.filter((r) => r.program.startsWith("dinotune")), 0).program);
  const texts = ["program", "checkpointing"];
  const numbers = ["s/step", "reference s/step", "tokens/s", "peak MiB", "first step s"];
  const columns = [...texts, ...numbers, "GFLOP/s (share of GEMM peak)"].map((title) => ({
    title,
    align: texts.includes(title) ? "left" as const : "right" as const,
  }));
  const cells = rows.map((r) => [
    r.program,
    r.ck,
    r.seconds.toFixed(2),
    r.reference ? r.reference.toFixed(2) : "in the step",
    r.tokensPerSecond.toFixed(0),
    r.peakMebibytes.toFixed(0),
    r.firstStep.toFixed(1),
    r.gflops ? `${r.gflops.toFixed(0)} (${(100 * r.gflops / peakGflops).toFixed(0)} %)` : "",
  ]);
  const lines = markdownTable({ columns, rows: cells });
  for (const program of new Set(rows.map((r) => r.program).filter((p) => p !== ours.program))) {
    const peer = fastest(program);
    lines.push(
      `${program} (its faster setting, checkpointing ${peer.ck}) takes ${
        (peer.seconds / ours.seconds).toFixed(2)
      } times as long a step as ours ` +
        `(checkpointing ${ours.ck}), ${
          (peer.seconds / (ours.seconds + ours.reference)).toFixed(2)
        } times with the reference counted; ` +
        `its first step is done after ${(peer.firstStep / ours.firstStep).toFixed(2)} times our time`,
    );
  }
  const kept = rows.find((r) => r.program === ours.program && r.ck === "on");
  const slow =
    rows.filter((r) => r.program === "PyTorch float32").toSorted((a, b) => a.seconds - b.seconds)[0];
  if (kept && slow) {
    lines.push(
      `With checkpointing: ${kept.peakMebibytes.toFixed(0)} MiB, ${
        (slow.seconds / kept.seconds).toFixed(2)
      } times as fast as PyTorch float32 in its faster setting`,
    );
  }
  const last = runs.findLast(({ profile }) => profile !== null);
  if (last?.profile) lines.push("", ...stepText(last.profile, peakGflops).split("\n"));
  return lines.join("\n");
}

function medians(list: readonly MeasuredProcess[]) {
  const median = (pick: (m: MeasuredProcess) => number) =>
    list.map(pick).toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
  return {
    seconds: median((m) => m.seconds),
    reference: median((m) => m.reference),
    tokensPerSecond: median((m) => m.tokensPerSecond),
    peakMebibytes: median((m) => m.peakMebibytes),
    firstStep: median((m) => m.firstStep),
    gflops: item(list, 0).gflops === null ? null : median((m) => m.gflops!),
  };
}
