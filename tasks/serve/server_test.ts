import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { Models } from "./models.ts";
import { startServer } from "./server.ts";

const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const MODEL = join(GOLDENS, "model"), ADAPTER = join(GOLDENS, "adapter");

Deno.test("a server stops though a client sends only half of its request", async () => {
  const server = await startServer({
    model: MODEL,
    name: null,
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
  }, builtinRegistry());
  using client = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(server.base).port) });
  const head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  await client.write(new TextEncoder().encode(`${head}Content-Length: 100\r\n\r\n{`));
  // when a later request is answered, the half one has come
  await (await fetch(`${server.base}/health`)).body?.cancel();
  let isOver = false;
  const timeout = Promise.withResolvers<void>(), timer = setTimeout(timeout.resolve, 60_000);
  await Promise.race([server.stop(0).then(() => isOver = true), timeout.promise]);
  clearTimeout(timer);
  assert(isOver, "it waits for the client without end");
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
