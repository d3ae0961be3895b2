import assert from "node:assert/strict";

import { Registry } from "@dinotune/dinotune";
import plugin from "./my_plugin.ts";

const endpoint = new Registry([plugin]).create("endpoint", "my_plugin", { words: 3 });
const ask = (content: string, max_tokens = 10) =>
  endpoint.complete(
    { messages: [{ role: "user", content }], temperature: 0, top_p: 1, max_tokens },
    new AbortController().signal,
  );

Deno.test("my_plugin: the last words come back", async () => {
  const { outcome, text, completionTokens } = await ask("one two three four");
  assert.deepEqual([outcome, text, completionTokens], ["stop", "two three four", 3]);
});

Deno.test("my_plugin: max_tokens is a limit, and said to be one", async () => {
  const { outcome, text } = await ask("one two three four", 2);
  assert.deepEqual([outcome, text], ["length", "two three"]);
});
