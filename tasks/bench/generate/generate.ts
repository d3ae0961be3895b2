/**
 * Speed and memory of generating, alone or beside llama.cpp: processes in turns, each measured by the same code.
 *
 *     deno task bench generate --model MODEL.gguf [--against llama.cpp] [--rounds 3] [--json]
 *
 * llama.cpp decodes faster with one thread and reads prompts faster with two, so each of its figures is the better of both.
 * @module
 */
import { fileURLToPath } from "node:url";

import project from "../../../deno.json" with { type: "json" };
import type { BackendChoice } from "../../../kernels/engine/host.ts";
import type { Quantization } from "../../../kernels/engine/generate/options.ts";
import { markdownTable } from "../../common/report/table.ts";
import { startChild } from "../child.ts";
import type { GenerateWork } from "./generate_child.ts";
import { FIRST_TOKEN, type MeasuredFigures } from "./generate_measure.ts";
import { installLlamaCpp } from "./llama_cpp.ts";
import type { BenchView } from "../view.ts";

/** Model and sizes to measure. */
export interface GenerateBench {
  /** Directory, GGUF file or hub id; beside llama.cpp a GGUF file. */
  model: string;
  /** Where it runs. */
  device: BackendChoice;
  /** Bits of weights. */
  quantization: Quantization;
  /** Tokens of the prompt, ≥ 32. */
  prompt: number;
  /** Steps that are timed, ≥ 8. */
  steps: number;
  /** Answers at once. */
  streams: number;
  /** Processes of each kind. */
  rounds: number;
  /** True if llama.cpp is measured too. */
  against: boolean;
}

/** Figures of a process: those of its work, and seconds from its start to its first token. */
export interface GenerateFigures extends MeasuredFigures {
  start: number;
}

/** Medians over the rounds. */
export interface GenerateFound {
  /** Backend and provider that ours ran on. */
  backend: string;
  ours: GenerateFigures;
  /** The better one of its numbers of threads, figure by figure; null: it wasn't run. */
  llamaCpp: GenerateFigures | null;
}

/** Draft tokens of the figure for texts that repeat their prompt. */
const DRAFT = 8;

/**
 * Measures; says what each process found.
 * @throws {Error} If a process fails, or llama.cpp can't be installed
 */
export async function benchGenerate(
  bench: GenerateBench,
  view: BenchView,
): Promise<GenerateFound> {
  const { prompt, steps, streams } = bench, sizes = { prompt, steps, streams };
  const peer = bench.against ? await installLlamaCpp(view.say) : null;
  const programs = [own(bench, 0), own(bench, DRAFT)];
  if (peer !== null) {
    for (const threads of [1, 2]) {
      programs.push(llamaCpp(peer.path, bench, threads, sizes));
    }
  }
  try {
    const runs = programs.map((): GenerateFigures[] => []);
    const total = bench.rounds * programs.length;
    let backend = "";
    for (let round = 0; round < bench.rounds; round++) {
      for (const [i, program] of programs.entries()) {
        view.bar("processes", round * programs.length + i, total, program.name);
        const found = await runProcess(program);
        backend = found.backend ?? backend;
        runs[i]?.push(found);
        view.say(`  ${program.name}: ${shortFigures(found)}`);
      }
    }
    view.bar("processes", total, total);
    const [plain, drafting, ...peers] = runs.map(medians);
    if (!plain || !drafting) throw new Error("Cannot compare: nothing was measured");
    return {
      backend,
      ours: { ...plain, repeating: drafting.repeating },
      llamaCpp: peers.length ? peers.reduce(better) : null,
    };
  } finally {
    peer?.release();
  }
}

/** Bound of a server's heap, as its task has it. */
const HEAP = project.tasks.serve.command.split(" ").filter((word) => word.startsWith("--v8-flags"));

interface MeasuredProgram {
  name: string;
  args: string[];
  cwd: string | undefined;
}

function own(
  { model, device, quantization, prompt, steps, streams }: GenerateBench,
  speculation: number,
): MeasuredProgram {
  const work: GenerateWork = {
    options: { model, device, quantization, speculation },
    prompt,
    steps,
    streams,
  };
  const child = fileURLToPath(new URL("./generate_child.ts", import.meta.url));
  // Resident memory stands in /proc, which Deno opens with all permissions only.
  const args = ["run", "-A", ...HEAP, child, JSON.stringify(work)];
  return { name: `dinotune${speculation ? `, drafts of ${speculation}` : ""}`, args, cwd: undefined };
}

function llamaCpp(
  folder: string,
  { model }: GenerateBench,
  threads: number,
  sizes: Pick<GenerateBench, "prompt" | "steps" | "streams">,
): MeasuredProgram {
  // The ids are those that ours get of a vocabulary of 49,152; a smaller one isn't meant.
  const given = JSON.stringify({ ...sizes, vocabulary: 49_152 });
  const path = Deno.realPathSync(model);
  const args = ["run", "-A", "--node-modules-dir=manual", "llama_cpp_child.ts", path, String(threads), given];
  return { name: `llama.cpp, ${threads} thread${threads === 1 ? "" : "s"}`, args, cwd: folder };
}

async function runProcess(
  { name, args, cwd }: MeasuredProgram,
): Promise<GenerateFigures & { backend?: string }> {
  const began = performance.now();
  const process = startChild(Deno.execPath(), {
    args,
    ...(cwd !== undefined && { cwd }),
    stdout: "piped",
    stderr: "piped",
  });
  const stderr = new Response(process.stderr).text();
  let text = "", start = 0;
  for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (!start && text.includes(FIRST_TOKEN)) start = (performance.now() - began) / 1000;
  }
  const { success } = await process.status;
  const last = text.trim().split("\n").at(-1) ?? "";
  if (!success || !start) {
    throw new Error(`Cannot measure ${name}: ${(await stderr).trim() || text.trim() || "it stopped"}`);
  }
  return { ...JSON.parse(last) as MeasuredFigures & { backend?: string }, start };
}

/** Figures of which less is better. */
const LESS: ReadonlySet<keyof GenerateFigures> = new Set(["start", "memory", "memoryOfStreams"]);

const FIGURES = [
  ["decodeAfter32", "tokens/s after 32", 1.5],
  ["decodeAfterPrompt", "tokens/s after the prompt", 1.5],
  ["repeating", "tokens/s of a text that repeats its prompt", 2],
  ["streams", "tokens/s of all streams", 3.5],
  ["prompt", "prompt tokens/s", 2.7],
  ["memory", "MiB of one stream", 1.2],
  ["memoryOfStreams", "MiB of all streams", 1.2],
  ["start", "seconds from process start to first token", 1],
] as const satisfies readonly (readonly [keyof GenerateFigures, string, number])[];

function medians(runs: readonly GenerateFigures[]): GenerateFigures {
  const of = (name: keyof GenerateFigures) => {
    const sorted = runs.map((run) => run[name]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  };
  return Object.fromEntries(FIGURES.map(([name]) => [name, of(name)])) as unknown as GenerateFigures;
}

function better(a: GenerateFigures, b: GenerateFigures): GenerateFigures {
  return Object.fromEntries(
    FIGURES.map(([name]) => [name, (LESS.has(name) ? Math.min : Math.max)(a[name], b[name])]),
  ) as unknown as GenerateFigures;
}

function shortFigures(found: GenerateFigures): string {
  return FIGURES.map(([name]) => `${name} ${found[name].toFixed(name === "start" ? 2 : 0)}`).join(", ");
}

/** A human-readable table; beside llama.cpp with ratios and the goals of this project. */
export function generateBenchText(
  bench: GenerateBench,
  { backend, ours, llamaCpp: peer }: GenerateFound,
): string {
  const shown = (name: keyof GenerateFigures, figures: GenerateFigures) =>
    figures[name].toFixed(name === "start" ? 2 : 0);
  const rows = FIGURES.map(([name, title, goal]) => [
    title,
    shown(name, ours),
    ...(peer
      ? [shown(name, peer), (ours[name] / peer[name]).toFixed(2), `${LESS.has(name) ? "≤" : "≥"} ${goal}`]
      : []),
  ]);
  return [
    `${bench.model} on ${backend}; prompts of ${bench.prompt} tokens, ${bench.streams} streams, ${bench.steps} steps`,
    "",
    ...markdownTable({
      columns: ["", "dinotune", ...(peer ? ["llama.cpp, better of 1 and 2 threads", "ratio", "goal"] : [])]
        .map(
          (title, i) => ({ title, align: i === 0 ? "left" as const : "right" as const }),
        ),
      rows,
    }),
  ].join("\n");
}
