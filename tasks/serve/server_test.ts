import { assert } from "@std/assert";
import { join } from "@std/path";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { startServer } from "./server.ts";

const MODEL = join(new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname, "model");

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
