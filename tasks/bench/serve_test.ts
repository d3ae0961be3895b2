import { assert, assertEquals } from "@std/assert";

import { startServed } from "../../tests/helpers/served.ts";
import { loadServer, serveBenchText, slopeOf } from "./serve.ts";

const MODEL = new URL("../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;

Deno.test("32 clients at once get the answers of a quiet server, none lost", async () => {
  await using served = await startServed([MODEL, "--template", "qwen", "--backend", "onnx", "--quiet"]);
  const load = { base: served.base, clients: 32, requests: 3, seconds: 0, prompts: 12, tokens: 10 };
  const found = await loadServer(load);
  assertEquals([found.lost, found.mixed, found.answers], [[], [], 96]);
  const { p50, p95 } = found.firstToken;
  assert(p50 > 0 && p95 >= p50 && found.memory.late > 10, serveBenchText(found));
});

Deno.test("slopeOf() is that of the line of least squares", () => {
  assertEquals(slopeOf([[1, 5], [3, 9], [5, 13]]), 2);
  // by hand: means 1 and 2, sums 3 and 2
  assertEquals(slopeOf([[0, 0], [1, 3], [2, 3]]), 1.5);
});
