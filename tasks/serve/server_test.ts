import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { openModel } from "../../formats/hf_model/mod.ts";
import { mergedWeights, readAdapter } from "../../formats/peft/mod.ts";
import { SafetensorsFile, writeSafetensors } from "../../formats/safetensors/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder/decoder.ts";
import { MaskMemoryError } from "../../kernels/engine/generate/generator.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { until, within } from "../../tests/helpers/until.ts";
import { Models } from "./models.ts";
import { decoderIn } from "../../tests/helpers/tiny_model.ts";
import { type RunningServer, type ServerOptions, startServer } from "./server.ts";

const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const MODEL = join(GOLDENS, "model"), ADAPTER = join(GOLDENS, "adapter");

/** A server in this process, of a model with random weights. */
async function started(more: Partial<ServerOptions> = {}): Promise<RunningServer> {
  return await startServer({
    model: MODEL,
    name: "random",
    adapters: new Map(),
    template: "qwen",
    device: { backend: "onnx", provider: "cpu", threads: null },
    quantization: "stored",
    speculation: 0,
    maxModelLen: null,
    maxBatch: 1,
    host: "127.0.0.1",
    port: 0,
    keys: [],
    queue: 0,
    maxBody: 1e6,
    maxTokens: null,
    loadAdapters: false,
    log() {},
    fault(error) {
      throw error;
    },
    ...more,
  }, builtinRegistry());
}

/** Tokens after which the last client that leaves does so: half of those that all answers would have. */
const MOST = 1500;

const post = (base: string, body: unknown, signal?: AbortSignal) =>
  fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });

Deno.test("a port that is taken is told before the model is opened", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertRejects(
    () => started({ model: "no/model/is/here", port: taken.addr.port }),
    RangeError,
    `Cannot listen at 127.0.0.1:${taken.addr.port} as something else does`,
  );
});

Deno.test("a server stops though a client sends only half of its request", async () => {
  const server = await started();
  using client = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(server.base).port) });
  const head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  await client.write(new TextEncoder().encode(`${head}Content-Length: 100\r\n\r\n{`));
  // when a later request is answered, the half one has come
  await (await fetch(`${server.base}/health`)).body?.cancel();
  await within("the end of a server that a client keeps", server.stop(0), { patience: 60_000 });
});

for (const [version, asked] of [["1.1", "Connection: close\r\n"], ["1.0", ""]]) {
  Deno.test(`a stream's connection ends with it where the client asks so: HTTP/${version}, ${JSON.stringify(asked)}`, async () => {
    await using server = await started();
    using client = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(server.base).port) });
    const body = JSON.stringify({ prompt: "x", max_tokens: 3, stream: true });
    const head =
      `POST /v1/completions HTTP/${version}\r\nHost: localhost\r\nContent-Type: application/json\r\n${asked}`;
    await client.write(new TextEncoder().encode(`${head}Content-Length: ${body.length}\r\n\r\n${body}`));
    const reply = await within("the connection's end", new Response(client.readable).text(), {
      patience: 60_000,
    });
    assertStringIncludes(reply, "data: [DONE]");
    // which older clients, and proxies that ask as they do, can't read
    assertEquals(/^transfer-encoding: chunked/im.test(reply), version === "1.1");
  });
}

Deno.test("an answer whose grammar finds no memory is a 503 to be asked again, streamed or not", async () => {
  const faults: unknown[] = [];
  await using server = await started({ fault: (error) => faults.push(error) });
  // as the generator's Worker tells it, see grammar/grammars_test.ts
  Object.assign(server.models.get("random")!, {
    generate: () => Promise.reject(new MaskMemoryError("planted")),
  });
  const messages = [{ role: "user", content: "x" }], response_format = { type: "json_object" };
  for (const stream of [false, true]) {
    const reply = await post(server.base, { messages, response_format, stream });
    const { error } = await reply.json();
    assertEquals([reply.status, reply.headers.get("retry-after")], [503, "10"]);
    assertEquals([error.type, error.code], ["server_error", "grammar_out_of_memory"]);
    assertStringIncludes(error.message, "no memory for the answer's grammar");
  }
  assertEquals(faults.map(String), Array(2).fill("MaskMemoryError: planted"));
});

Deno.test("a client that leaves within its body is no fault of the server's", async () => {
  const faults: unknown[] = [], logged: string[] = [];
  await using server = await started({
    log: (line) => logged.push(line),
    fault: (error) => faults.push(error),
  });
  const port = Number(new URL(server.base).port);
  for (const length of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
    const before = logged.length;
    {
      using client = await Deno.connect({ hostname: "127.0.0.1", port });
      const head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
      await client.write(new TextEncoder().encode(`${head}${length}\r\n\r\n5\r\n{"a":`));
      await (await fetch(`${server.base}/health`)).body?.cancel();
    }
    await until("both requests' lines", () => logged.length >= before + 2, { said: () => logged.join("\n") });
    assertEquals([faults.map(String), logged.at(-1)?.split(" ").slice(2, 4)], [[], [
      "/v1/completions",
      "499",
    ]]);
  }
});

Deno.test("clients that leave at any time take nothing with them: places, gauges, other answers", async () => {
  const faults: unknown[] = [], logged: string[] = [];
  await using server = await started({
    maxBatch: 3,
    queue: 100,
    log: (line) => logged.push(line),
    fault: (error) => faults.push(error),
  });
  const request = {
    messages: [{ role: "user", content: "Go on." }],
    max_tokens: 40,
    temperature: 0,
    ignore_eos: true,
  };
  const text = async (reply: Response) => (await reply.json()).choices[0].message.content;
  const expected = await text(await post(server.base, request));
  let state = 7;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  // clients leave after so many tokens of all answers: milliseconds would be early on a slow machine, and late on a fast one
  const model = server.models.get("random")!, { generate } = model;
  let made = 0, left = 0;
  const waiting = new Set<() => void>();
  Object.assign(model, {
    generate: (...[prompt, sampling, onToken, signal]: Parameters<typeof generate>) =>
      generate(prompt, sampling, (...token) => {
        made++;
        for (const look of waiting) look();
        onToken?.(...token);
      }, signal),
  });
  const clients = Array.from({ length: 40 }, async (_, number) => {
    const leaving = new AbortController(), stream = number % 2 === 0, stays = number % 10 === 3;
    // at once, within the queue, or behind so many pieces of a stream
    const pieces = stream && draw() < 0.5 ? 1 + Math.floor(draw() * 30) : Infinity, most = draw() * MOST;
    const look = () => made >= most && leaving.abort();
    if (!stays && pieces === Infinity) waiting.add(look);
    const body = number % 7 === 0
      ? { ...request, response_format: { type: "json_object" }, ignore_eos: false }
      : { ...request, n: 1 + number % 3 };
    try {
      const reply = await post(server.base, { ...body, stream }, leaving.signal);
      assertEquals(reply.status, 200);
      if (!stream) {
        if (stays) assertEquals(await text(reply), expected);
        else await reply.text();
        return;
      }
      let read = 0;
      for await (const _ of reply.body!) {
        if (++read === pieces) leaving.abort();
      }
    } catch (error) {
      if (!leaving.signal.aborted) throw error;
      left++;
    } finally {
      waiting.delete(look);
    }
  });
  await Promise.all(clients);
  assert(left > 20, `${left} left`);
  const gauges = async () => {
    const metrics = await (await fetch(`${server.base}/metrics`)).text();
    return ["running", "waiting"].map((name) =>
      Number(new RegExp(`^dinotune_answers_${name} (\\d+)$`, "m").exec(metrics)?.[1])
    );
  };
  await until("places that are free", async () => (await gauges()).every((count) => count === 0));
  // every place is there for those who come now
  const all = await post(server.base, { ...request, n: 103, max_tokens: 1 });
  assertEquals([all.status, (await all.json()).choices.length], [200, 103]);
  assertEquals([faults, logged.filter((line) => /completions 5\d\d /.test(line))], [[], []]);
});

for (const backend of ["onnx", "reference"] as const) {
  Deno.test(`an adapter that is unloaded finishes its answers, and its name is taken until then: ${backend}`, async () => {
    const models = await Models.open({
      model: MODEL,
      name: "random",
      adapters: new Map([["tuned", ADAPTER]]),
      template: "qwen",
      device: { backend, provider: "cpu", threads: null },
      maxModelLen: 64,
      maxBatch: 2,
      quantization: "stored",
      speculation: 0,
    }, builtinRegistry());
    try {
      const tuned = models.get("tuned")!, ask = () => tuned.generate([65, 66], { max_tokens: 20 });
      const [expected] = await ask();
      const under = ask(), unloading = models.unload("tuned");
      assertEquals(models.get("tuned"), undefined);
      await assertRejects(() => models.load("tuned", ADAPTER), RangeError, "being unloaded");
      assertEquals((await under)[0]?.ids, expected?.ids);
      await unloading;
      await assertRejects(() => models.unload("random"), RangeError, "it is the model itself");
      const loading = models.load("tuned", ADAPTER);
      await assertRejects(() => models.load("tuned", ADAPTER), RangeError, "being loaded");
      await loading;
      assertEquals(
        (await models.get("tuned")!.generate([65, 66], { max_tokens: 20 }))[0]?.ids,
        expected?.ids,
      );
    } finally {
      await models.close();
    }
  });
}

/** The adapter with DoRA, whose lengths of rows are those of W + scale B A: it computes what the adapter does. */
async function withLengths(directory: string): Promise<void> {
  const { weights } = await openModel(MODEL);
  using file = new SafetensorsFile(join(ADAPTER, "adapter_model.safetensors"));
  const shapes = moduleShapes(decoderIn(MODEL)), { modules } = readAdapter(ADAPTER, shapes);
  const merged = mergedWeights((name) => weights.read(name), { modules });
  const lengths = [...modules.keys()].map((module) => {
    const [rows, columns] = shapes.get(module)!, values = merged(`${module}.weight`);
    const row = (i: number) => values.subarray(i * columns, (i + 1) * columns);
    const data = Float32Array.from({ length: rows }, (_, i) => Math.hypot(...row(i)));
    const name = `base_model.model.${module}.lora_magnitude_vector`;
    return { name, dtype: "F32", shape: [rows], data: () => data };
  });
  const lora = [...file.tensors.values()].map((info) => ({
    ...info,
    data: () => file.readFloat32(info.name),
  }));
  writeSafetensors(join(directory, "adapter_model.safetensors"), [...lora, ...lengths]);
  const config = JSON.parse(Deno.readTextFileSync(join(ADAPTER, "adapter_config.json")));
  Deno.writeTextFileSync(
    join(directory, "adapter_config.json"),
    JSON.stringify({ ...config, use_dora: true }),
  );
  weights.close();
}

Deno.test("an adapter with DoRA, which has no place beside the model, gets a model of its own", async () => {
  const folder = Deno.makeTempDirSync();
  await withLengths(folder);
  const models = await Models.open({
    model: MODEL,
    name: "random",
    adapters: new Map([["tuned", ADAPTER], ["dora", folder]]),
    template: "qwen",
    device: { backend: "onnx", provider: "cpu", threads: null },
    maxModelLen: 64,
    maxBatch: 2,
    quantization: "stored",
    speculation: 0,
  }, builtinRegistry());
  try {
    const answers = await Promise.all(["random", "tuned", "dora"].map(async (name) => {
      const [answer] = await models.get(name)!.generate([65, 66], { max_tokens: 20, ignore_eos: true });
      return answer!.ids;
    }));
    assertEquals(answers[2], answers[1]);
    assert(answers[0]!.join() !== answers[1]!.join());
    await models.unload("dora");
    assertEquals(models.get("dora"), undefined);
    await models.load("dora", folder);
  } finally {
    await models.close();
    Deno.removeSync(folder, { recursive: true });
  }
});
