/** Rows of an embedding on the host: of a table in 16 bits without a copy of it in float32. */
import { assertEquals } from "@std/assert";

import { openLibrary } from "../../backends/onnx/c_api/mod.ts";
import { type Backend, onnxBackend, referenceBackend } from "../../mod.ts";
import { HostEmbedding } from "./embedding.ts";

const { reason } = openLibrary();
// Exact in bfloat16 and float16: 8 bits of mantissa.
const VALUES = Float32Array.from({ length: 15 }, (_, i) => (i - 7) / 4), IDS = Int32Array.of(4, 0, 4);
const taken = (factor: number) =>
  [...IDS].flatMap((id) => [...VALUES.subarray(3 * id, 3 * id + 3)]).map((v) => factor * v);

async function rowsOf(backend: Backend, noDownload: boolean): Promise<number[]> {
  const table = backend.upload(VALUES, [5, 3], { frozen: true });
  const watched: Backend = noDownload
    ? { ...backend, download: () => Promise.reject(new Error("the whole table was copied")) }
    : backend;
  const x = await new HostEmbedding(watched, table, { embeddingScale: 2 }).rows(IDS);
  assertEquals(x.shape, [3, 3]);
  const values = await backend.download(x);
  await backend.dispose();
  return [...values];
}

for (const half of [undefined, "bf16", "f16"] as const) {
  Deno.test({
    name: `rows of a table in ${half ?? "float32"} with the host are taken where it lies${
      reason ? ` (ignored: ${reason})` : ""
    }`,
    ignore: reason !== null,
    fn: async () => {
      const backend = onnxBackend({ loops: false, ...(half && { half }) });
      assertEquals(await rowsOf(backend, true), taken(2));
    },
  });
}

Deno.test("rows of a table that doesn't say its rows are taken from a copy", async () => {
  assertEquals(await rowsOf(referenceBackend(), false), taken(2));
});
