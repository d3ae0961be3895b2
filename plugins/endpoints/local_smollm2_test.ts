/** Endpoint `local` on SmolLM2-135M-Instruct (GGUF): questions in, PyTorch's greedy answers out (shared/goldens/smollm2). */
import { assert, assertEquals } from "@std/assert";
import { sharedForSmollm2, SMOLLM2 } from "../../tests/helpers/shared_data.ts";

import { builtinRegistry } from "../builtins.ts";

const { path: GOLDEN, ignore, why } = sharedForSmollm2("goldens/smollm2/generate.json");

interface Prompt {
  question: string;
  /** True if the model's own template was used, which writes a system message. */
  system: boolean;
  ids: number[];
  generated: number[];
  generated_text: string;
  stopped_at_eos: boolean;
}

Deno.test({
  name: `local: SmolLM2 from a GGUF file answers as PyTorch, by its own template, tokenizer and end${why}`,
  ignore,
  fn: async () => {
    const prompts = (JSON.parse(Deno.readTextFileSync(GOLDEN)).prompts as Prompt[]).filter((p) => p.system);
    assert(prompts.length > 0);
    const endpoint = builtinRegistry().create("endpoint", "local", { model: SMOLLM2, weights: "float32" });
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
