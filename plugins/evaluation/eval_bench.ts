/**
 * How fast an evaluation is against a server with a fixed latency: TRACE's 1,042 items with their judgements, 2,084 requests,
 * each answered after 50 ms, 64 at once. Everything counts, from the start of the process to the last report. The server runs
 * in a process of its own.
 *
 * `deno task bench eval`. For comparison, inspect_ai 0.3.285 on the same work: 27.6 s, 249 MB.
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import project from "../../deno.json" with { type: "json" };

/** What to measure. */
export interface EvalBenchOptions {
  /** Milliseconds until the server answers. */
  latencyMs?: number;
  /** Requests at once, at most. */
  concurrency?: number;
  /** Only the first so many items. */
  items?: number;
  /** With 0, report.html has no items. */
  pageItems?: number;
  /** How often. */
  rounds?: number;
}

/** One measured run. */
export interface EvalBenchRun {
  /** Wall time of the process, in seconds. */
  seconds: number;
  /** Largest resident memory of the process, in bytes; null where the system doesn't tell. */
  peakBytes: number | null;
  /** Requests that the server counted. */
  requests: number;
}

/** What was measured. */
export interface EvalBench {
  /** Items of a run. */
  items: number;
  /** Shortest time in which the requests could be answered, in seconds. */
  floorSeconds: number;
  /** Each run. */
  runs: EvalBenchRun[];
}

/**
 * Measures.
 * @throws {RangeError} If a run isn't complete, or asked for something twice: then its time means nothing
 */
export async function benchEval(options: EvalBenchOptions = {}): Promise<EvalBench> {
  const { latencyMs = 50, concurrency = 64, rounds = 1, items = 1042, pageItems = 5000 } = options;
  const server = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      "--allow-read",
      fileURLToPath(new URL("./_mock_process.ts", import.meta.url)),
      String(latencyMs),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const folder = await Deno.makeTempDir();
  try {
    const lines = server.stdout.pipeThrough(new TextDecoderStream());
    const reader = lines.getReader();
    const base = (await reader.read()).value!.trim();
    const runs: EvalBenchRun[] = [];
    for (let round = 0; round < rounds; round++) {
      runs.push(await oneRun(join(folder, `run-${round}`), base, { concurrency, items, pageItems }));
    }
    await reader.cancel();
    return { items, floorSeconds: 2 * Math.ceil(items / concurrency) * latencyMs / 1000, runs };
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  }
}

async function oneRun(
  folder: string,
  base: string,
  { concurrency, items, pageItems }: { concurrency: number; items: number; pageItems: number },
): Promise<EvalBenchRun> {
  await Deno.mkdir(folder);
  const model = (name: string) => `{ type: openai, args: { name: ${name}, api_base: "${base}", key: none } }`;
  const dataset = items > 1042 ? `{ args: { url: rows.jsonl } }` : null;
  if (dataset !== null) await writeRows(join(folder, "rows.jsonl"), items);
  await Deno.writeTextFile(
    join(folder, "eval.yaml"),
    [
      "evaluator:",
      `  type: ${dataset === null ? "trace" : "rows"}`,
      ...(dataset === null ? [] : [`  dataset: ${dataset}`]),
      `  model: ${model("writer")}`,
      `  evaluator_llm: ${model("grader")}`,
      `  out_dir: ${JSON.stringify(join(folder, "out"))}`,
      `  cache: ${JSON.stringify(join(folder, "cache.sqlite"))}`,
      `  concurrency: ${concurrency}`,
      `  max_samples: ${items}`,
      `  page_items: ${pageItems}`,
      "",
    ].join("\n"),
  );
  const before = await count(base);
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      // what `deno task eval` runs, without the task runner between us and the process to measure
      ...project.tasks.eval.split(" ").slice(1, -1),
      fileURLToPath(new URL("../../tasks/eval.ts", import.meta.url)),
      join(folder, "eval.yaml"),
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let peakBytes: number | null = null;
  const timer = setInterval(async () => peakBytes = await peakOf(child.pid) ?? peakBytes, 100);
  const { code, stderr } = await child.output();
  clearInterval(timer);
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) {
    throw new RangeError(`Cannot measure as the run failed: ${new TextDecoder().decode(stderr)}`);
  }
  const results = JSON.parse(await Deno.readTextFile(join(folder, "out", "results.json")));
  const requests = await count(base) - before;
  if (results.counts.judged !== items || requests !== results.usage.requests) {
    throw new RangeError(
      `Cannot measure as the run isn't right: ${results.counts.judged} judged, ${requests} requests`,
    );
  }
  return { seconds, peakBytes, requests };
}

async function writeRows(path: string, count: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const encoder = new TextEncoder();
  const filler = "Say it in your own words, and give an example. ".repeat(8);
  for (let i = 0; i < count; i++) {
    const row = {
      id: `row-${i}`,
      prompt: `Question ${i}. ${filler}`,
      constraints: [`1. about ${i};`, "2. with an example;"],
    };
    await file.write(encoder.encode(JSON.stringify(row) + "\n"));
  }
}

async function count(base: string): Promise<number> {
  return await (await fetch(new URL("/count", base))).json();
}

/** Largest resident memory so far, where /proc tells it; read by `cat`, because Deno lets only `-A` into /proc. */
async function peakOf(pid: number): Promise<number | null> {
  try {
    const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`], stderr: "null" })
      .output();
    const found = /VmHWM:\s+(\d+) kB/.exec(new TextDecoder().decode(stdout));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

/** The measurement as text. */
export function evalBenchText({ items, floorSeconds, runs }: EvalBench): string {
  return [
    `${items} items, each answered and judged; no client can be faster than ${floorSeconds.toFixed(1)} s`,
    ...runs.map(({ seconds, peakBytes, requests }) =>
      `${seconds.toFixed(2)} s with start and reports, ${requests} requests, ${
        peakBytes === null ? "memory unknown" : `${(peakBytes / 1e6).toFixed(0)} MB at most`
      }`
    ),
  ].join("\n");
}
