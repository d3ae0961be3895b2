/**
 * Many clients at once: whether every answer of a busy server is the one that a quiet server gives, how long the first token
 * takes, and whether memory stays flat.
 * @module
 */
import OpenAI from "openai";

import { item } from "../../formats/elements.ts";
import type { BackendChoice } from "../../kernels/engine/host.ts";
import project from "../../deno.json" with { type: "json" };
import { startChild } from "./child.ts";
import { type BenchView, UNSEEN } from "./view.ts";

/** Load on a server. */
export interface ServeLoad {
  /** Address of the server, without a path. */
  base: string;
  /** Clients at once. */
  clients: number;
  /** Requests of each client; null: as many as fit into `seconds`. */
  requests: number | null;
  /** Duration, where `requests` is null. */
  seconds: number;
  /** Different prompts. */
  prompts: number;
  /** Tokens of an answer, at most. */
  tokens: number;
}

/** Measurements of a server under load. */
export interface ServeFigures {
  /** Answers that came whole. */
  answers: number;
  /** Requests without a whole answer. */
  lost: string[];
  /** Answers that weren't those of the quiet server. */
  mixed: string[];
  /** Wall-clock time of the load, in seconds. */
  seconds: number;
  /** Tokens of all answers a second. */
  tokensPerSecond: number;
  /** Seconds until the first token: half, and 95 of 100 requests were faster. */
  firstToken: { p50: number; p95: number };
  /**
   * Resident memory of the server in MiB: the median of the second quarter of the time, and of the last; and the slope of the line
   * through all samples of the second half, in MiB a minute (NaN of fewer than two).
   */
  memory: { early: number; late: number; slope: number };
}

/** Loads a server that is up. */
export async function loadServer(
  load: ServeLoad,
  view: BenchView = UNSEEN,
): Promise<ServeFigures> {
  const client = new OpenAI({ baseURL: `${load.base}/v1`, apiKey: "none", maxRetries: 0 });
  const expected: string[] = [];
  for (let prompt = 0; prompt < load.prompts; prompt++) {
    view.bar("quiet server", prompt, load.prompts, "answers");
    expected.push((await ask(client, prompt, load.tokens, prompt % 2 === 0)).text);
  }
  view.bar("quiet server", load.prompts, load.prompts);
  view.say(`${load.prompts} answers of a quiet server; now ${load.clients} clients`);
  const lost: string[] = [], mixed: string[] = [], firsts: number[] = [];
  const memory: { second: number; mib: number }[] = [];
  const begun = performance.now();
  let answers = 0, tokens = 0, open = true;
  const elapsed = () => (performance.now() - begun) / 1000;
  const showLoad = () =>
    load.requests === null
      ? view.bar("seconds of load", Math.min(load.seconds, Math.floor(elapsed())), load.seconds)
      : view.bar("answers", answers, load.clients * load.requests);
  const watching = (async () => {
    while (open) {
      memory.push({ second: elapsed(), mib: await residentMiB(load.base) });
      showLoad();
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  const more = (done: number) => load.requests === null ? elapsed() < load.seconds : done < load.requests;
  await Promise.all(Array.from({ length: load.clients }, async (_, number) => {
    for (let done = 0; more(done); done++) {
      const prompt = (number * 7 + done) % load.prompts;
      try {
        const answer = await ask(client, prompt, load.tokens, (number + done) % 4 !== 0);
        answers++;
        tokens += answer.tokens;
        if (answer.first !== null) firsts.push(answer.first);
        const quiet = item(expected, prompt);
        if (answer.text !== quiet) {
          mixed.push(`prompt ${prompt}: ${JSON.stringify(answer.text)} for ${JSON.stringify(quiet)}`);
        }
      } catch (error) {
        lost.push(`client ${number}, request ${done}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }));
  const seconds = elapsed();
  open = false;
  await watching;
  const quarter = (from: number) =>
    median(
      memory.slice(
        Math.floor(memory.length * from / 4),
        Math.max(1, Math.ceil(memory.length * (from + 1) / 4)),
      ).map(({ mib }) => mib),
    );
  const sorted = firsts.sort((a, b) => a - b);
  return {
    answers,
    lost,
    mixed,
    seconds,
    tokensPerSecond: tokens / seconds,
    firstToken: { p50: share(sorted, 0.5), p95: share(sorted, 0.95) },
    memory: {
      early: quarter(1),
      late: quarter(3),
      slope: 60 * slopeOf(memory.slice(memory.length >> 1).map(({ second, mib }) => [second, mib])),
    },
  };
}

/** One request, streamed or whole. */
async function ask(
  client: OpenAI,
  prompt: number,
  max_tokens: number,
  stream: boolean,
): Promise<{ text: string; tokens: number; first: number | null }> {
  const words = ["a river", "a colour", "three animals", "a fruit", "a town", "two tools"];
  const content = `Name ${words[prompt % words.length]}, number ${prompt}.`;
  const request = {
    model: await modelOf(client),
    messages: [{ role: "user" as const, content }],
    temperature: 0,
    max_tokens,
  };
  if (!stream) {
    const reply = await client.chat.completions.create(request);
    const [choice] = reply.choices;
    if (choice === undefined || !choice.finish_reason) throw new Error("the answer has no end");
    return { text: choice.message.content ?? "", tokens: reply.usage?.completion_tokens ?? 0, first: null };
  }
  const begun = performance.now();
  let text = "", tokens = 0, first: number | null = null, ended = false;
  const events = await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const event of events) {
    first ??= (performance.now() - begun) / 1000;
    const [choice] = event.choices;
    text += choice?.delta.content ?? "";
    ended ||= Boolean(choice?.finish_reason);
    tokens = event.usage?.completion_tokens ?? tokens;
  }
  if (!ended) throw new Error("the stream has no end");
  return { text, tokens, first };
}

const models = new WeakMap<OpenAI, Promise<string>>();

function modelOf(client: OpenAI): Promise<string> {
  const known = models.get(client) ?? client.models.list().then(({ data }) => data[0]?.id ?? "");
  models.set(client, known);
  return known;
}

async function residentMiB(base: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text();
  return Number(/^dinotune_resident_memory_bytes (\S+)$/m.exec(text)?.[1] ?? NaN) / 2 ** 20;
}

/** Slope of the line of least squares through points; NaN where there is none. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const x = mean(points.map(([x]) => x)), y = mean(points.map(([, y]) => y));
  const sum = (of: (dx: number, dy: number) => number) =>
    points.reduce((total, point) => total + of(point[0] - x, point[1] - y), 0);
  return sum((dx, dy) => dx * dy) / sum((dx) => dx * dx);
}

function median(values: readonly number[]): number {
  return share([...values].sort((a, b) => a - b), 0.5);
}

/** The value that a share of sorted ones doesn't exceed. */
function share(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

/** Model that a server is started with, and where it runs. */
export interface BenchedModel {
  /** Folder or GGUF file. */
  model: string;
  backend: "auto" | BackendChoice["backend"];
  provider: BackendChoice["provider"];
}

/**
 * Runs `deno task bench serve`: starts a server of its own and loads it.
 * @throws {Error} If the server ends before it listens
 */
export async function benchServe(
  { model, backend, provider }: BenchedModel,
  load: Omit<ServeLoad, "base">,
  view: BenchView,
): Promise<ServeFigures> {
  const root = new URL("../../", import.meta.url).pathname;
  const server = startChild(Deno.execPath(), {
    args: [
      ...project.tasks.serve.command.split(" ").slice(1),
      model,
      "--port",
      "0",
      "--quiet",
      ...["--backend", backend, "--provider", provider],
      "--queue",
      `${load.clients}`,
    ],
    cwd: root,
    env: { DINOTUNE_API_KEYS: "" },
    stdout: "piped",
    stderr: "inherit",
  }, "SIGTERM");
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "" } = await reader.read();
    if (value === "") throw new Error("Cannot load the server: it ended before it listened");
    return await loadServer({ ...load, base: value.trim() }, view);
  } finally {
    try {
      server.kill("SIGTERM");
    } catch { /* it has ended already */ }
    await reader.cancel();
    await server.status;
  }
}

/** Figures as text. */
export function serveBenchText({ answers, lost, mixed, seconds, ...found }: ServeFigures): string {
  const { firstToken: { p50, p95 }, memory: { early, late, slope }, tokensPerSecond } = found;
  return [
    `${answers} answers in ${seconds.toFixed(1)} s (${
      tokensPerSecond.toFixed(0)
    } tokens/s); ${lost.length} lost, ${mixed.length} mixed`,
    `time to first token: ${(p50 * 1000).toFixed(0)} ms (p50), ${(p95 * 1000).toFixed(0)} ms (p95)`,
    `memory of the server: ${early.toFixed(0)} MiB early, ${late.toFixed(0)} MiB late, ${
      slope.toFixed(1)
    } MiB a minute over the second half`,
    ...[...lost, ...mixed].slice(0, 5),
  ].join("\n");
}
