/** Endpoint `local`: thoughts that the chat template opens, tags that are special tokens, and what isn't sent. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { builtinRegistry } from "../builtins.ts";
import type { Completion, CompletionRequest } from "../kinds/endpoint.ts";
import { withThoughtApart } from "../kinds/thoughts/thoughts.ts";

const MODEL = new URL("../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const registry = builtinRegistry();

async function ask(
  options: Record<string, unknown>,
  more: Partial<CompletionRequest> = {},
): Promise<Completion> {
  const endpoint = registry.create("endpoint", "local", {
    model: MODEL,
    template: "qwen",
    backend: "onnx",
    ...options,
  });
  try {
    const completion = await endpoint.complete({
      messages: [{ role: "user", content: "Name a river." }],
      temperature: 0,
      top_p: 1,
      max_tokens: 6,
      ...more,
    }, new AbortController().signal);
    return withThoughtApart(completion, endpoint.thoughtTags);
  } finally {
    await endpoint.close();
  }
}

Deno.test("local: where the chat template opens the thought, a text without a closing tag is no answer", async () => {
  const copy = await Deno.makeTempDir();
  try {
    for (const { name } of Deno.readDirSync(MODEL)) Deno.copyFileSync(join(MODEL, name), join(copy, name));
    const jinja = (end: string) =>
      `{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]${end}{% endif %}`;
    const answer = async (end: string, more: Partial<CompletionRequest> = {}) => {
      await Deno.writeTextFile(join(copy, "chat_template.jinja"), jinja(end));
      return await ask({ model: copy, template: "auto" }, more);
    };
    const plain = await answer("");
    assert(plain.text.length > 0 && plain.thought === undefined, JSON.stringify(plain));
    const opened = await answer("<think>\n");
    assertEquals([opened.outcome, opened.text], ["thought_only", ""]);
    assert(opened.thought!.length > 0);
    // switched off: the template closes it again
    const closed = await answer("<think>\n\n</think>\n\n");
    assertEquals([closed.outcome, closed.thought], [plain.outcome, undefined]);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

Deno.test("local: tags that are special tokens are found, although the engine leaves them out of texts", async () => {
  // 303 is <|pad|>, the only token that may come, so that the thought never ends
  const forced = { extra: { logit_bias: { 303: 1000 }, ignore_eos: true } };
  const options = { thought_tags: [["<|pad|>", "<|im_start|>"]] };
  const only = await ask(options, forced);
  assertEquals([only.outcome, only.text, only.completionTokens], ["thought_only", "", 6]);
  // a mark that is no tag stays out of texts
  assertEquals([(await ask({}, forced)).text, (await ask({ thought_tags: [] }, forced)).text], ["", ""]);
});

Deno.test("local: null leaves the engine's own values, and its answers cost nothing", async () => {
  const [given, left] = [await ask({}), await ask({}, { temperature: null, top_p: null })];
  assertEquals(left, given);
  const all = await ask({ max_model_len: 140 }, { max_tokens: null, extra: { ignore_eos: true } });
  assertEquals([all.outcome, all.promptTokens + all.completionTokens], ["length", 140]);
  const endpoint = registry.create("endpoint", "local", { model: MODEL, template: "qwen" });
  assertEquals(endpoint.prices, { input: 0, output: 0 });
});
