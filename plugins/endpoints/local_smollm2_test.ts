/** Endpoint `local` on SmolLM2-135M-Instruct (GGUF): questions in, PyTorch's greedy answers out (shared/goldens/smollm2). */
import { assert, assertEquals } from "@std/assert";

import local from "./local.ts";

const GGUF = Deno.env.get("DINOTUNE_SMOLLM2_GGUF");
const SHARED = Deno.env.get("DINOTUNE_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;
const GOLDEN = `${SHARED}/goldens/smollm2/generate.json`;

function reason(): string | null {
  if (!GGUF) return "DINOTUNE_SMOLLM2_GGUF isn't set";
  try {
    Deno.statSync(GOLDEN);
    return null;
  } catch {
    return "shared goldens aren't there";
  }
}
const why = reason(), suffix = why ? ` (ignored: ${why})` : "";

interface Prompt {
  question: string;
  /** Whether the model's own template was used, which writes a system message. */
  system: boolean;
  ids: number[];
  generated: number[];
  generated_text: string;
  stopped_at_eos: boolean;
}

Deno.test({
  name: `local: SmolLM2 from a GGUF file answers as PyTorch, by its own template, tokenizer and end${suffix}`,
  ignore: why !== null,
  fn: async () => {
    const prompts = (JSON.parse(Deno.readTextFileSync(GOLDEN)).prompts as Prompt[]).filter((p) => p.system);
    assert(prompts.length > 0);
    const endpoint = local.create(local.options.parse({ model: GGUF }));
    const answers = await Promise.all(prompts.map((prompt) =>
      endpoint.complete({
        messages: [{ role: "user", content: prompt.question }],
        temperature: 0,
        top_p: 1,
        max_tokens: 48,
      }, new AbortController().signal)
    ));
    await endpoint.close();
    assertEquals(
      answers,
      prompts.map((prompt) => ({
        outcome: prompt.stopped_at_eos ? "stop" as const : "length" as const,
        text: prompt.generated_text.replace(/<\|im_end\|>$/, ""),
        promptTokens: prompt.ids.length,
        completionTokens: prompt.generated.length,
      })),
    );
  },
});
