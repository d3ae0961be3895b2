/** Grammars compiled in a Worker: the same as those compiled in this thread, one at a time, given up where nobody waits. */
import { assertEquals, assertRejects } from "@std/assert";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { grammarHere } from "../../../tests/helpers/grammar_here.ts";
import { grammarMask, type GrammarOptions } from "../grammar.ts";
import { tokenTexts } from "./compile.ts";
import { Grammars } from "./grammars.ts";
import { maskOf } from "./mask.ts";

const MODEL = new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(MODEL);
const vocabSize = 304, endIds = [tokenizer.eosId ?? NaN], vocabulary = { tokenizer, vocabSize, endIds };
const optionsOf = (schema: Record<string, unknown>) =>
  grammarMask({ type: "json_schema", json_schema: { name: "x", schema } })?.options as GrammarOptions;

/** Grammars with a vocabulary of the test's own, and the Worker's end. */
function opened(texts = () => tokenTexts(tokenizer, vocabSize)): Grammars & Disposable {
  const grammars = new Grammars(texts);
  return Object.assign(grammars, { [Symbol.dispose]: () => grammars.close() });
}

const SLOW = optionsOf({ type: "string", pattern: "^([a-z]{2,5}x?[0-9]{1,3}-){1,6}$" });
const OTHER = optionsOf({ type: "integer" });
const refused = { choices: [{ begin: "", grammar: "root ::= nothing", end: "" }], trigger: null, once: true };

Deno.test("grammars that were moved between threads allow what those made in this one allow", async () => {
  using grammars = opened();
  const schemas = [
    { type: "object", properties: { a: { type: "number" }, b: { items: { enum: ["x", "yz"] } } } },
    { type: "string", pattern: "^(a|b{2})+\\d$" },
    { type: "string", minLength: 3, maxLength: 90 },
  ];
  let words = 0;
  for (const schema of schemas) {
    const options = optionsOf(schema);
    const here = await grammarHere(options, vocabulary);
    const moved = await maskOf(await grammars.get(options, endIds), vocabulary);
    const own = new Int32Array(10), other = new Int32Array(10);
    for (let step = 0, state = 1; step < 80; step++) {
      here.fill(own);
      moved.fill(other);
      assertEquals(other, own);
      words += 10;
      const allowed = Array.from({ length: vocabSize }, (_, id) => id)
        .filter((id) => ((own[id >> 5] ?? 0) >> (id & 31) & 1) === 1);
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const id = allowed[Math.floor(state / 2 ** 32 * allowed.length)] ?? NaN;
      here.accept(id);
      moved.accept(id);
      if (endIds.includes(id)) break;
    }
    here.dispose?.();
    moved.dispose?.();
  }
  assertEquals(words > 500, true);
});

Deno.test("a grammar is compiled once, and those of one memory share its newest copy", async () => {
  let read = 0;
  using grammars = opened(() => (read++, tokenTexts(tokenizer, vocabSize)));
  const [first, same] = await Promise.all([grammars.get(SLOW, endIds), grammars.get(SLOW, endIds)]);
  assertEquals(first === same, true);
  const before = first.library;
  const later = await grammars.get(OTHER, endIds), again = await grammars.get(SLOW, endIds);
  assertEquals([again.library === later.library, again.library === before, read], [true, false, 1]);
});

Deno.test("a refused grammar is a RangeError, and the next one is compiled", async () => {
  using grammars = opened();
  await assertRejects(() => grammars.get(refused, endIds), RangeError, "Cannot follow the JSON schema");
  await grammars.get(OTHER, endIds);
});

Deno.test("a grammar that nobody waits for makes way for the next one", async () => {
  let read = 0;
  using grammars = opened(() => (read++, tokenTexts(tokenizer, vocabSize)));
  const gone = new AbortController(), left = new AbortController();
  const slow = assertRejects(() => grammars.get(SLOW, endIds, gone.signal), Error, "gone");
  const queued = assertRejects(
    () => grammars.get(optionsOf({ type: "null" }), endIds, left.signal),
    Error,
    "left",
  );
  left.abort(new Error("left"));
  await queued;
  gone.abort(new Error("gone"));
  await slow;
  // the Worker that compiled it was ended: the vocabulary is read for another
  await grammars.get(OTHER, endIds);
  assertEquals(read, 2);
});
