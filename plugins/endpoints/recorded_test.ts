import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { recordedEndpoint } from "./recorded.ts";

const never = new AbortController().signal;
const ask = (path: string, id: string, prompt: string) =>
  recordedEndpoint(path).complete(
    { id, messages: [{ role: "user", content: prompt }], temperature: 0, top_p: 1, max_tokens: 1 },
    never,
  );

Deno.test("recorded finds answers by id, else by prompt; a missing one is a failure that isn't repeated", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, '{"id": 7, "response": "by id"}\n\n{"prompt": "P", "output": ""}\n');
    assertEquals((await ask(file, "7", "x")).text, "by id");
    assertEquals(await ask(file, "8", "P"), {
      outcome: "stop",
      text: "",
      promptTokens: 0,
      completionTokens: 0,
    });
    const missing = await ask(file, "8", "Q");
    assertEquals([missing.outcome, missing.failure?.kind, missing.failure?.retryable], [
      "error",
      "missing",
      false,
    ]);
    await Deno.writeTextFile(file, '[{"key": "a", "generated": "in a list"}]');
    assertEquals((await ask(file, "a", "")).text, "in a list");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("recorded names the row that can't be used", async () => {
  const file = await Deno.makeTempFile();
  try {
    const rows: [string, string][] = [
      ['{"id": 1}', "needs response"],
      ['{"response": "x"}', "needs response, and id or prompt"],
      ["{", "as JSON"],
      ['{"id": 1, "response": "a"}\n{"id": 1, "response": "b"}', "another answer above"],
    ];
    for (const [text, message] of rows) {
      await Deno.writeTextFile(file, text);
      await assertRejects(() => ask(file, "1", ""), Error, message);
    }
  } finally {
    await Deno.remove(file);
  }
  assertThrows(() => recordedEndpoint(file), RangeError, "there is no such file");
});
