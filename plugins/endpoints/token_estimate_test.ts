import { assert, assertEquals } from "@std/assert";
import { sharedForSmollm2, SMOLLM2 } from "../../tests/helpers/shared_data.ts";

import { loadTokenizer } from "../../formats/tokenizer/mod.ts";
import { estimatePrompt, estimateTokens } from "./token_estimate.ts";

Deno.test("estimateTokens() is by hand: four letters a token, one sign of Chinese, and nothing only for nothing", () => {
  assertEquals(["", "a", "abcd", "abcde", "你好", "éé", "😀"].map(estimateTokens), [0, 1, 1, 2, 2, 1, 1]);
  assertEquals(estimatePrompt([{ content: "abcd" }, { content: "" }]), 9);
});

const { path, ignore, why } = sharedForSmollm2("data/ifeval/input_response_data_gpt4_20231107_145030.jsonl");
Deno.test({
  name: `estimateTokens() is within a quarter of SmolLM2's tokenizer over GPT-4's answers to IFEval${why}`,
  ignore,
  fn: async () => {
    const tokenizer = await loadTokenizer(SMOLLM2);
    const answers = Deno.readTextFileSync(path).trim().split("\n").map((line) =>
      JSON.parse(line).response as string
    );
    let estimated = 0, counted = 0;
    for (const answer of answers) {
      estimated += estimateTokens(answer);
      counted += tokenizer.encode(answer).length;
    }
    assert(Math.abs(estimated / counted - 1) < 0.25, `${estimated} estimated, ${counted} counted`);
  },
});
