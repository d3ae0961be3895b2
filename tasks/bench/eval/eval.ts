/**
 * Speed of an evaluation against a server with a fixed latency: TRACE's 1,042 items with their judgements, 2,084 requests,
 * each answered after 50 ms, 64 at once. Everything counts, from the start of the process to the last report. The server runs
 * in a process of its own.
 *
 * `deno task bench eval`; with `--against "python3 tasks/bench/inspect_ai.py"` beside inspect_ai. With
 * `--items 10000,100000 --latency 5` it shows that memory doesn't grow with the items, with `--faults` what isolated errors of
 * the server cost.
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import project from "../../../deno.json" with { type: "json" };
import { ownTemporaryFolder } from "../../../formats/own_temporary_folder.ts";
import { startChild } from "../child.ts";
import { checkPeer } from "../peer_command.ts";
import { type BenchView, UNSEEN } from "../view.ts";

/** Options of the bench. */
export interface EvalBenchOptions {
  /** Milliseconds until the server answers. */
  latencyMs?: number;
  /** Requests at once, at most. */
  concurrency?: number;
  /** Items of the runs; TRACE's first so many, and rows that are made up for more than 1,042. */
  items?: readonly number[];
  /** Of the configuration; with 0, report.html has no items. */
  pageItems?: number;
  /** Runs of each size, in turns. Default 1. */
  rounds?: number;
  /** Share of requests that a second server answers by HTTP 500, in turns with the first; 0: there is none. */
  faults?: number;
  /** Command of another program for the same work on at most TRACE's rows, in turns with this one; see inspect_ai.py. */
  against?: string | null;
}

/** One measured run. */
export interface EvalBenchRun {
  /** This project, or the command of another program. */
  program: string;
  /** Number of items answered. */
  items: number;
  /** Share of requests that the server answered by HTTP 500. */
  faults: number;
  /** Shortest time in which the requests could be answered, in seconds. */
  floorSeconds: number;
  /** Wall time of the process, in seconds. */
  seconds: number;
  /** Largest resident memory of the process, in bytes; null where the system doesn't tell. */
  peakBytes: number | null;
  /** Requests that the server counted. */
  requests: number;
}

/**
 * Measures.
 * @throws {RangeError} If a run isn't complete, or asked for something twice: then its time means nothing
 */
export async function benchEval(
  options: EvalBenchOptions = {},
  view: BenchView = UNSEEN,
): Promise<EvalBenchRun[]> {
  const { latencyMs = 50, concurrency = 64, rounds = 1, items = [1042], pageItems, faults = 0, against } =
    options;
  if (against && items.some((count) => count > 1042)) {
    throw new RangeError(
      `Cannot compare with another program as it gets TRACE's 1,042 rows: items are ${items}`,
    );
  }
  if (against) await checkPeer(against, "python3 tasks/bench/inspect_ai.py");
  const servers = [];
  const folder = ownTemporaryFolder("dinotune-bench-eval-");
  try {
    for (const share of faults > 0 ? [0, faults] : [0]) servers.push(await startServer(latencyMs, share));
    const runs: EvalBenchRun[] = [], total = rounds * items.length * (servers.length + (against ? 1 : 0));
    const begin = (what: string) => view.bar("runs", runs.length, total, what);
    for (let round = 0; round < rounds; round++) {
      for (const count of items) {
        const floorSeconds = 2 * Math.ceil(count / concurrency) * latencyMs / 1000;
        for (const { base, share } of servers) {
          const run = join(folder.path, "run");
          begin(`${count} items${share > 0 ? ` with ${100 * share} % failing requests` : ""}`);
          const measured = await oneRun(run, base, { concurrency, items: count, pageItems });
          runs.push({ program: "dinotune", items: count, faults: share, floorSeconds, ...measured });
          await Deno.remove(run, { recursive: true });
        }
        if (!against) continue;
        begin(`${count} items by ${against}`);
        const peer = await peerRun(against, servers[0]!.base, count, concurrency);
        runs.push({ program: against, items: count, faults: 0, floorSeconds, ...peer });
      }
    }
    view.bar("runs", total, total);
    return runs;
  } finally {
    for (const server of servers) await server.stop();
    folder.release();
  }
}

async function startServer(latencyMs: number, share: number) {
  const server = startChild(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      "--allow-read",
      fileURLToPath(new URL("./mock_process.ts", import.meta.url)),
      String(latencyMs),
      String(share),
    ],
    stdout: "piped",
    stderr: "inherit",
  });
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const base = (await reader.read()).value!.trim();
  const stop = async () => {
    await reader.cancel();
    server.kill("SIGKILL");
    await server.status;
  };
  return { base, share, stop };
}

async function oneRun(
  folder: string,
  base: string,
  { concurrency, items, pageItems }: { concurrency: number; items: number; pageItems: number | undefined },
): Promise<Measured> {
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
      ...(pageItems === undefined ? [] : [`  page_items: ${pageItems}`]),
      "",
    ].join("\n"),
  );
  const { stdout: _, ...measured } = await measure(base, Deno.execPath(), [
    // what `deno task eval` runs, without the task runner between us and the process to measure
    ...project.tasks.eval.command.split(" ").slice(1, -1),
    fileURLToPath(new URL("../../eval.ts", import.meta.url)),
    join(folder, "eval.yaml"),
  ]);
  const results = JSON.parse(await Deno.readTextFile(join(folder, "out", "results.json")));
  if (results.counts.judged !== items || measured.requests !== results.usage.requests) {
    throw new RangeError(
      `Cannot measure as the run isn't right: ${results.counts.judged} judged, ${measured.requests} requests`,
    );
  }
  return measured;
}

/** Another program, which prints `{"status": "success", "scored": N}` at last. */
async function peerRun(command: string, base: string, items: number, concurrency: number): Promise<Measured> {
  const [program = "", ...args] = command.split(" ");
  const rows = fileURLToPath(new URL("../../../fixtures/trace/trace_eval.jsonl.gz", import.meta.url));
  const { stdout, ...measured } = await measure(base, program, [
    ...args,
    ...["--base", base, "--rows", rows, "--items", String(items), "--concurrency", String(concurrency)],
  ]);
  const { status, scored } = JSON.parse(stdout.trim().split("\n").at(-1)!);
  if (status !== "success" || scored !== items || measured.requests < 2 * items) {
    throw new RangeError(
      `Cannot measure ${command} as its run isn't right: ${status}, ${scored} scored, ${measured.requests} requests`,
    );
  }
  return measured;
}

type Measured = Pick<EvalBenchRun, "seconds" | "peakBytes" | "requests">;

async function measure(
  base: string,
  program: string,
  args: readonly string[],
): Promise<Measured & { stdout: string }> {
  const before = await count(base);
  const start = performance.now();
  const child = startChild(program, { args: [...args], stdout: "piped", stderr: "piped" });
  let peakBytes: number | null = null;
  const timer = setInterval(async () => peakBytes = await peakOf(child.pid) ?? peakBytes, 100);
  const { code, stdout, stderr } = await child.output();
  clearInterval(timer);
  const seconds = (performance.now() - start) / 1000, decoder = new TextDecoder();
  if (code !== 0) {
    throw new RangeError(`Cannot measure ${program} as the run failed: ${decoder.decode(stderr)}`);
  }
  return { seconds, peakBytes, requests: await count(base) - before, stdout: decoder.decode(stdout) };
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

/** The measurement as text; memory of different numbers of items is compared. */
export function evalBenchText(runs: readonly EvalBenchRun[]): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  const lines = runs.map(({ program, items, faults, floorSeconds, seconds, peakBytes, requests }) =>
    `${program}: ${items} items, each answered and judged${
      faults > 0 ? `, ${100 * faults} % of requests fail` : ""
    }: ${seconds.toFixed(2)} s with start and reports (no client can be faster than ${
      floorSeconds.toFixed(1)
    } s), ${requests} requests, ${peakBytes === null ? "memory unknown" : `${megabytes(peakBytes)} at most`}`
  );
  const peaks = new Map<number, number>();
  for (const { program, items, faults, peakBytes } of runs) {
    if (peakBytes !== null && program === "dinotune" && faults === 0) {
      peaks.set(items, Math.max(peaks.get(items) ?? 0, peakBytes));
    }
  }
  const [[fewest, least] = [0, 0], ...others] = [...peaks].sort((a, b) => a[0] - b[0]);
  const more = others.map(([items, bytes]) =>
    `memory at ${items} items is ${(100 * (bytes / least - 1)).toFixed(0)} % more than at ${fewest}: ${
      megabytes(bytes)
    } and ${megabytes(least)}`
  );
  return [...lines, ...more, ...faultLines(runs)].join("\n");
}

/** Ratios of the medians of runs with faults to those without. */
function faultLines(runs: readonly EvalBenchRun[]): string[] {
  const own = Map.groupBy(runs.filter(({ program }) => program === "dinotune"), ({ items }) => items);
  return [...own].flatMap(([items, list]) => {
    const [without, within] = [false, true].map((faulty) =>
      list.filter(({ faults }) => (faults > 0) === faulty).map(({ seconds }) => seconds).sort((a, b) => a - b)
    ) as [number[], number[]];
    if (within.length === 0) return [];
    const middle = (values: number[]) => values[values.length >> 1]!;
    const ratio = middle(within) / middle(without);
    return [`${items} items with failing requests take ${ratio.toFixed(2)} times as long as without`];
  });
}
