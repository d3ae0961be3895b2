/** A permission that the process lacks ends a run at once, in our words: it isn't asked again for each item. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";

import { runDeno } from "../../../tests/helpers/deno_process.ts";

const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));

/** Outcome of one request by an endpoint, in a process that has these permissions. */
async function asked(type: string, options: Record<string, unknown>, ...flags: string[]) {
  const code = `
    import { builtinRegistry } from ${JSON.stringify(import.meta.resolve("../../builtins.ts"))};
    const endpoint = builtinRegistry().create("endpoint", ${JSON.stringify(type)}, ${
    JSON.stringify(options)
  });
    const messages = [{ role: "user", content: "Hello" }];
    const request = { messages, temperature: 0, top_p: 1, max_tokens: 4 };
    const { failure, error } = await endpoint.complete(request, new AbortController().signal);
    console.log(JSON.stringify({ ...failure, error }));
    Deno.exit();`;
  const program = `data:application/typescript,${encodeURIComponent(code)}`;
  const { stdout, stderr } = await runDeno(
    ["run", "--unstable-worker-options", "--no-prompt", "--no-check", "--config", CONFIG, ...flags, program],
  );
  return JSON.parse(stdout || JSON.stringify(stderr));
}

Deno.test("local: without ffi the first request says what native code can't be loaded, and stops the run", async () => {
  const model = fileURLToPath(new URL("../../../fixtures/constraints/model", import.meta.url));
  const { retryable, fatal, error } = await asked(
    "local",
    { model, backend: "onnx" },
    "--allow-read",
    "--allow-env",
    "--allow-sys",
  );
  assertEquals([retryable, fatal], [false, true], error);
  assertStringIncludes(error, "the task has no permission to load the native code");
});

Deno.test("openai: without net the first request says what can't be reached, and stops the run", async () => {
  const options = { name: "m", api_base: "http://127.0.0.1:18463/v1", key: "none" };
  const { kind, fatal, error } = await asked("openai", options, "--allow-read", "--allow-env");
  assertEquals([kind, fatal], ["settings", true], error);
  const blocked = await asked(
    "openai",
    { ...options, api_base: "http://127.0.0.1:9/v1" },
    "--allow-read",
    "--allow-env",
    "--allow-net",
  );
  assertEquals([blocked.kind, blocked.fatal], ["settings", true], blocked.error);
  assertStringIncludes(
    error,
    'the task has no permission to reach or to listen at "127.0.0.1:18463", which needs --allow-net',
  );
});
