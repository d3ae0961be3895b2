import { assertEquals, assertStringIncludes } from "@std/assert";

import { runDeno } from "../../tests/helpers/deno_process.ts";
import { modelFiles, NAME, SHARD, withHub } from "./_model_hub.ts";
import { UNIX } from "../../tests/helpers/system.ts";

Deno.test({
  name:
    `a task that Ctrl-C asks to stop in a download ends there, and not when the whole model has come${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: () => {
    const bytes = modelFiles().get(SHARD) ?? new Uint8Array(), half = bytes.length >> 1;
    let held: ReadableStreamDefaultController<Uint8Array> | undefined;
    const answer = (url: URL, request: Request) => {
      // the rest comes once the process has heard that it is to stop
      if (url.pathname === "/heard") {
        held?.enqueue(bytes.slice(half));
        held?.close();
        return new Response();
      }
      if (!url.pathname.endsWith(SHARD) || request.method !== "GET") return undefined;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(bytes.slice(0, half));
          held = controller;
        },
      });
      return new Response(body, { headers: { "content-length": `${bytes.length}` } });
    };
    return withHub({ answer }, async (hub, options) => {
      const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
      const code = `const { interruption } = await import(${
        module("../../tasks/common/cli/interruption.ts")
      });
        const { runTask } = await import(${module("../../tasks/common/cli/run_task.ts")});
        const { resolveModel } = await import(${module("./mod.ts")});
        let asked = false;
        await runTask(async () => {
          using stop = interruption(() => void fetch("${hub.endpoint}/heard").catch(() => {}));
          const onProgress = ({ file }) => {
            if (asked || file !== ${JSON.stringify(SHARD)}) return;
            asked = true;
            Deno.kill(Deno.pid, "SIGINT");
          };
          await resolveModel("${NAME}", { ...${JSON.stringify(options)}, onProgress });
          console.log("the whole model");
        });`;
      const { code: exit, stdout, stderr } = await runDeno(["eval", code]);
      assertEquals([exit, stdout], [130, ""], stderr);
      assertStringIncludes(stderr, "the same command goes on from what has arrived");
    });
  },
});
