import { assertEquals, assertRejects } from "@std/assert";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { callMask } from "./grammar.ts";
import { grammarHere } from "../../../tests/helpers/grammar_here.ts";
import type { GrammarOptions } from "./grammar.ts";

const MODEL = new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(MODEL);
const vocabSize = 304, end = tokenizer.eosId ?? NaN;
const AROUND = ['<tool_call>\n{"name": ', ', "arguments": ', "}\n</tool_call>"] as const;
const TOOLS = [
  { name: "count", parameters: { properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"] } },
  { name: "free", parameters: null },
].map((tool) => ({ ...tool, parameters: tool.parameters && { type: "object", ...tool.parameters } }));

/** Tokens that may follow a text, which has to be allowed itself. */
async function after(text: string, once: boolean): Promise<(next: string | number) => boolean> {
  const { options } = callMask(TOOLS, AROUND, { trigger: "<tool_call>", once });
  const mask = await grammarHere(options as GrammarOptions, { tokenizer, vocabSize, endIds: [end] });
  for (const id of tokenizer.encode(text)) mask.accept(id);
  const words = new Int32Array(Math.ceil(vocabSize / 32));
  mask.fill(words);
  mask.dispose?.();
  return (next) => {
    const id = typeof next === "number" ? next : tokenizer.encode(next)[0] ?? NaN;
    return ((words[id >> 5] ?? 0) >> (id & 31) & 1) === 1;
  };
}

Deno.test("calls of strict tools are held to their schemas, words around them are free", async () => {
  const call = '<tool_call>\n{"name": "count", "arguments": {"city": "Rome"}}\n</tool_call>';
  const begun = call.slice(0, call.indexOf("ome"));
  const allowed = (next: (text: string | number) => boolean, ...texts: (string | number)[]) =>
    texts.map((text) => next(text));

  assertEquals(allowed(await after("Well, <b>", false), "x", "<", end), [true, true, true]);
  assertEquals(allowed(await after(`Well, ${begun}`, false), "o", "x", end), [true, false, false]);
  assertEquals(allowed(await after('<tool_call>\n{"name": "', false), "c", "f", "x"), [true, true, false]);
  // a tool that isn't strict takes any object
  const open = await after('<tool_call>\n{"name": "free", "arguments": {"', false);
  assertEquals(allowed(open, "x", "y"), [true, true]);
  // behind a call: words and another one, or the end and nothing else
  assertEquals(allowed(await after(call, false), "x", "<", end), [true, true, true]);
  assertEquals(allowed(await after(call, true), "x", "<", end), [false, false, true]);
  await after(`${call} and ${call}`, false);
});

Deno.test("a strict tool whose schema the grammar can't follow is refused", async () => {
  const tools = [{ name: "f", parameters: { not: {} } }];
  const { options } = callMask(tools, AROUND);
  await assertRejects(
    () => grammarHere(options as GrammarOptions, { tokenizer, vocabSize, endIds: [end] }),
    MaskError,
    "tools.f.parameters: the grammar can't follow not",
  );
});
