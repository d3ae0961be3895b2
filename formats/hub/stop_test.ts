import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { assertWhole, modelFiles, SHARD, withHub } from "./_model_hub.ts";
import { resolveModel } from "./mod.ts";
import { DownloadStopped, stopDownloadsBy } from "./stop.ts";

Deno.test("a download ends when it is asked to stop, and the next one goes on from what had arrived", async () => {
  const bytes = modelFiles().get(SHARD)!, half = bytes.length >> 1;
  const asked = new AbortController(), ranges: (string | null)[] = [];
  // half of the file comes at once, the rest never
  const answer = (url: URL, request: Request) => {
    if (!url.pathname.endsWith(SHARD) || request.method !== "GET") return undefined;
    ranges.push(request.headers.get("range"));
    if (asked.signal.aborted) return undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes.slice(0, half)),
    });
    return new Response(body, { headers: { "content-length": `${bytes.length}` } });
  };
  await withHub({ answer }, async (_hub, options) => {
    const onProgress = ({ file }: { file: string }) => file === SHARD && asked.abort();
    {
      using _stop = stopDownloadsBy(asked.signal);
      await assertRejects(() => resolveModel("tiny/qwen2", { ...options, onProgress }), DownloadStopped);
      // nor does one begin
      await assertRejects(() => resolveModel("tiny/qwen2", options), DownloadStopped);
    }
    const folder = await resolveModel("tiny/qwen2", options);
    assertWhole(folder);
    const from = Number(/^bytes=(\d+)-$/.exec(ranges[1] ?? "")?.[1]);
    assertEquals([ranges.length, from > 0, from <= half], [2, true, true]);
    assertEquals(Deno.readFileSync(join(folder, SHARD)), bytes);
  });
});
