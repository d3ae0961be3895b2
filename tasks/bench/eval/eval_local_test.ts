import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { DEFAULT_MODEL } from "../../common/config/default_files.ts";
import { benchLocalEval, localEvalText } from "./eval_local.ts";

Deno.test("benchLocalEval() asks the endpoint local with weights in each form, and counts answers that differ", async () => {
  const device = { backend: "onnx", provider: "cpu" } as const;
  const work = {
    model: DEFAULT_MODEL,
    forms: ["float32", "4"] as const,
    items: 2,
    tokens: 6,
    rounds: 1,
    ...device,
  };
  const [floats, rounded] = await benchLocalEval(work);
  assert(floats && rounded);
  assertEquals([floats.form, floats.answers, floats.same, floats.tokens], ["float32", 2, 2, 12]);
  assertEquals([rounded.form, rounded.answers], ["4", 2]);
  // Of 6 tokens, some change when a tiny model's weights are rounded to 4 bits.
  assert(rounded.same < 2 && rounded.tokens <= 12 && floats.seconds > 0);
  assertStringIncludes(localEvalText(work, [floats, rounded]), "2 of 2");
  assertStringIncludes(localEvalText(work, [floats, rounded]), "onnx/cpu");
});
