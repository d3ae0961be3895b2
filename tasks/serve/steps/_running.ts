/**
 * Steps of the server's test: a server that is full, changes its adapters, tells of itself and ends.
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import OpenAI, { NotFoundError, RateLimitError } from "openai";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { until } from "../../../tests/helpers/until.ts";
import {
  asked,
  completionLines,
  metricsOf,
  SERVED_ADAPTER,
  SERVED_FOLDER,
  SERVED_KEY,
  type ServedClient,
  type ServedSteps,
} from "./_client.ts";

/** Counters and histograms' counts of a server's metrics, by name and labels. */
function countersOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => /^\w+_(total|count|bucket|sum)\b/.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

/** Tokens of six answers of 400 of which those that waited, at least, were given up. */
const MOST_GIVEN_UP = 1200;

/** At a server that answers. */
export const runningSteps: ServedSteps = {
  "full: 429 with Retry-After; a client that leaves frees its places": refusesWhenFull,
  "adapters are loaded and unloaded by request": changesAdapters,
  "health, metrics, the log: counts, no contents and no keys": tellsOfItself,
  "SIGTERM finishes the streams under way and takes no more": finishesStreams,
};

/** True if so many answers run and wait. */
async function hasPlaces({ served }: ServedClient, running: number, waiting: number): Promise<boolean> {
  return new RegExp(`answers_running ${running}\n[^]*answers_waiting ${waiting}\n`).test(
    await metricsOf(served),
  );
}

/** What an attempt to take all places has seen. */
interface Filled {
  /** Counters before it. */
  counted: ReturnType<typeof countersOf>;
  /** Log lines of those who left. */
  gone: string[];
  /** What the seventh was told. */
  error: RateLimitError | null;
}

/** Begins six answers, which take all places; every other one is waited for as a whole. */
function beginSix({ client }: ServedClient, model: string, signal: AbortSignal) {
  let whole = 0;
  const begun = Array.from({ length: 6 }, async (_, index) => {
    try {
      const stream = index % 2 === 0;
      const long = { ...asked(`Count ${index}`, { model, max_tokens: 400 }), ignore_eos: true, stream };
      const answer = await client.chat.completions.create(
        long as never,
        { signal },
      ) as unknown as AsyncIterable<unknown>;
      if (stream) { for await (const _ of answer); }
      whole++;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
  return { whole: () => whole, ended: Promise.all(begun) };
}

/**
 * Six answers take all places, a seventh is refused, and all six leave; null: one of them was whole before that.
 * @param model Name that nobody else asks, whose lines and counts are those of this attempt alone
 */
async function fillPlaces(at: ServedClient, model: string): Promise<Filled | null> {
  const { served, client, baseURL } = at, { log: said } = served;
  const loaded = await postTo(baseURL, "load_lora_adapter", { lora_name: model, lora_path: SERVED_ADAPTER });
  assertEquals(loaded[0], 200, loaded[1]);
  await until("places that nobody has", () => hasPlaces(at, 0, 0), { said });
  const counted = countersOf(await metricsOf(served));
  const leaving = new AbortController(), six = beginSix(at, model, leaving.signal);
  await until("six places that are taken", async () => six.whole() > 0 || await hasPlaces(at, 3, 3), {
    said,
  });
  const error = await client.chat.completions.create(asked("x", { model })).then(
    () => null,
    (e: RateLimitError) => e,
  );
  // nobody leaves an attempt that came too late, so that all its lines are of whole answers
  if (six.whole() === 0) leaving.abort();
  await six.ended;
  await until("places that are free again", () => hasPlaces(at, 0, 0), { said });
  const told = () => completionLines(served).filter((line) => line.split(" ").includes(model));
  // requests are told after their places are free
  await until("lines of six answers and one refused", () => told().length >= 7, { said });
  const lines = told();
  assertEquals(lines.length, 7, lines.join("\n"));
  const gone = lines.filter((line) => /^(200|499) .* gone$/.test(line));
  const counts = countersOf(await metricsOf(served));
  const tokens = counts.get(`dinotune_completion_tokens_total{model="${model}"}`) ?? 0;
  assertEquals((await postTo(baseURL, "unload_lora_adapter", { lora_name: model }))[0], 200);
  return gone.length === 6 && tokens <= MOST_GIVEN_UP ? { counted, gone, error } : null;
}

async function refusesWhenFull(at: ServedClient): Promise<void> {
  const { served, baseURL } = at;
  let filled = await fillPlaces(at, "full");
  // a test's thread that stands still for the second that the answers take comes too late
  for (let i = 0; filled === null && i < 10; i++) filled = await fillPlaces(at, `full_${i}`);
  assert(
    filled !== null,
    "eleven times six answers were whole before a seventh could be asked for, or answers that nobody waits for were made",
  );
  const { counted, gone, error } = filled;
  assertEquals([error?.status, error?.code, error?.type], [429, "rate_limit_exceeded", "rate_limit_error"]);
  const seconds = Number(error?.headers?.get("retry-after"));
  assert(seconds >= 1 && seconds <= 60, `${seconds}`);
  assert(
    gone.filter((line) => line.startsWith("499 ")).length >= 3,
    "those who waited for a whole answer",
  );
  // those who left are no fault of the server's: no 500, and nothing that would be looked into
  assert(!served.log().includes("completions 500") && !served.log().includes("error:"));
  const now = countersOf(await metricsOf(served));
  const rise = (name: string) => (now.get(name) ?? 0) - (counted.get(name) ?? 0);
  assertEquals(rise('dinotune_answers_total{end="gone"}'), 6);
  assertEquals(rise('dinotune_requests_total{path="/v1/chat/completions",status="429"}'), 1);
  for (const [name, value] of counted) assert((now.get(name) ?? -1) >= value, `${name} fell`);
  // the default client comes again by itself
  const patient = new OpenAI({ baseURL, apiKey: SERVED_KEY, maxRetries: 5 });
  await patient.chat.completions.create(asked("x", { n: 6 }));
}

/** Status and text of a reply. */
async function postTo(
  baseURL: string,
  path: string,
  body: unknown,
): Promise<readonly [status: number, text: string]> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${SERVED_KEY}` };
  const reply = await fetch(`${baseURL}/${path}`, { method: "POST", body: JSON.stringify(body), headers });
  return [reply.status, await reply.text()];
}

async function changesAdapters({ client, baseURL }: ServedClient): Promise<void> {
  const post = (path: string, body: unknown) => postTo(baseURL, path, body);
  const load = { lora_name: "second", lora_path: SERVED_ADAPTER };
  assertEquals(await post("load_lora_adapter", load), [
    200,
    "Success: LoRA adapter 'second' added successfully.",
  ]);
  const answers = await Promise.all(
    ["tuned", "second"].map((model) => client.chat.completions.create(asked("Hi", { model }))),
  );
  assertEquals(answers[0]!.choices[0]!.message.content, answers[1]!.choices[0]!.message.content);
  const [again, why] = await post("load_lora_adapter", load);
  assertEquals(again, 400);
  assertStringIncludes(why, "give it another (lora_name, or --adapter NAME=DIR)");
  // its numbers would stand in the products of all others
  const broken = temporaryFolder(), tensors = "adapter_model.safetensors";
  Deno.copyFileSync(join(SERVED_ADAPTER, "adapter_config.json"), join(broken, "adapter_config.json"));
  const bytes = Deno.readFileSync(join(SERVED_ADAPTER, tensors));
  Deno.writeFileSync(join(broken, tensors), bytes.fill(0xff, bytes.length - 4));
  for (
    const [expected, lora_path, words] of [
      [400, broken, "aren't all finite"],
      [404, "owner name/none", "isn't an id on the hub"],
      [404, SERVED_FOLDER, "no adapter_config.json"],
    ] as const
  ) {
    const [status, text] = await post("load_lora_adapter", { lora_name: "broken", lora_path });
    assertEquals([status, JSON.parse(text).error.param], [expected, "lora_path"]);
    assertStringIncludes(text, words);
  }
  assertEquals(await post("unload_lora_adapter", { lora_name: "second" }), [
    200,
    "Success: LoRA adapter 'second' removed successfully.",
  ]);
  assertEquals((await post("unload_lora_adapter", { lora_name: "second" }))[0], 404);
  assertEquals((await post("unload_lora_adapter", { lora_name: "random" }))[0], 400);
  await assertRejects(
    () => client.chat.completions.create(asked("Hi", { model: "second" })),
    NotFoundError,
  );
}

async function tellsOfItself({ served }: ServedClient): Promise<void> {
  const health = await fetch(`${served.base}/health`);
  assertEquals([health.status, await health.text()], [200, ""]);
  const metrics = await metricsOf(served);
  for (
    const name of [
      'dinotune_requests_total{path="/v1/chat/completions",status="200"}',
      "dinotune_answers_running 0",
      "dinotune_answers_waiting 0",
      "dinotune_time_to_first_token_seconds_bucket",
    ]
  ) {
    assertStringIncludes(metrics, name);
  }
  const log = served.log();
  assertStringIncludes(log, "POST /v1/chat/completions 200");
  for (const secret of [SERVED_KEY, "sk-wrong", "river", "nowhere", "Be brief"]) {
    assert(!log.includes(secret), `${secret} in the log`);
  }
}

async function finishesStreams({ served, client }: ServedClient): Promise<void> {
  const stream = await client.chat.completions.create(
    { ...asked("Name a river.", { max_tokens: 200 }), ignore_eos: true, stream: true } as never,
  ) as unknown as AsyncIterable<OpenAI.Chat.ChatCompletionChunk>;
  let finish: string | null = null, sent = false;
  for await (const chunk of stream) {
    if (!sent) served.process.kill("SIGTERM");
    sent = true;
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assertEquals(finish, "length");
  assertEquals((await served.process.status).code, 0);
  await assertRejects(() => fetch(`${served.base}/health`));
}
