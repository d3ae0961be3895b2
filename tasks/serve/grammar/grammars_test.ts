/** Grammars compiled in Workers: the same as those compiled in this thread, small ones not behind large ones, given up where nobody waits. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { grammarHere } from "../../../tests/helpers/grammar_here.ts";
import { until, within } from "../../../tests/helpers/until.ts";
import { grammarMask, type GrammarOptions } from "./grammar.ts";
import { MaskError, MaskMemoryError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { Compiler, tokenTexts, writtenGrammar } from "./compile.ts";
import { type CompileSource, CompileWorker } from "./compile_worker.ts";
import { Grammars } from "./grammars.ts";
import { boundMemory, libraryCode, openGrammarLibrary } from "./library.ts";
import { maskOf } from "./mask.ts";
import { openMoved } from "./moved.ts";
import { GrammarGivenUp } from "./stopping.ts";

const MODEL = new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(MODEL);
const vocabSize = 304, endIds = [tokenizer.eosId ?? NaN], vocabulary = { tokenizer, vocabSize, endIds };
const optionsOf = (schema: Record<string, unknown>) =>
  grammarMask({ type: "json_schema", json_schema: { name: "x", schema } })?.options as GrammarOptions;

const TEXTS = () => tokenTexts(tokenizer, vocabSize);

/** Grammars with a vocabulary of the test's own, and the Workers' end. */
function opened(source: CompileSource = { texts: TEXTS }, quickMs?: number): Grammars & Disposable {
  const grammars = new Grammars(source, quickMs);
  return Object.assign(grammars, { [Symbol.dispose]: () => grammars.close() });
}

const SLOW = optionsOf({ type: "string", pattern: "^([a-z]{2,5}x?[0-9]{1,3}-){1,6}$" });
const OTHER = optionsOf({ type: "integer" });
/** Some seconds of work. */
const large = (seed: number) =>
  optionsOf({
    type: "object",
    properties: Object.fromEntries(
      Array.from(
        { length: 30 },
        (_, i) => [`${seed}p${i}`, { type: "string", maxLength: 300 + 31 * i + seed }],
      ),
    ),
  });

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
  using grammars = opened({ texts: () => (read++, TEXTS()) });
  const [first, same] = await Promise.all([grammars.get(SLOW, endIds), grammars.get(SLOW, endIds)]);
  assertEquals(first === same, true);
  const before = first.library;
  const later = await grammars.get(OTHER, endIds), again = await grammars.get(SLOW, endIds);
  assertEquals([again.library === later.library, again.library === before, read], [true, false, 1]);
});

Deno.test("a schema that can't be followed is a MaskError, and the next one is compiled", async () => {
  using grammars = opened();
  await assertRejects(() => grammars.get(optionsOf({ not: {} }), endIds), MaskError, "can't follow not");
  await grammars.get(OTHER, endIds);
  const compiler = new Compiler(await openGrammarLibrary(libraryCode()), TEXTS());
  const wrong = { choices: [{ begin: "", grammar: "root ::= nothing", end: "" }], trigger: null, once: true };
  await assertRejects(() => compiler.compile(wrong, endIds), MaskError, "Cannot follow the JSON schema: ");
});

Deno.test("a small grammar doesn't wait for large ones, which are compiled nevertheless", async () => {
  const small = Promise.withResolvers<void>();
  // the first one's end would free its place for the second one, before a busy machine has started the Worker for the small one
  const open = async (...given: Parameters<typeof openMoved>) => {
    const arrived = await openMoved(...given);
    if (arrived.grammars.has(0)) await small.promise;
    return arrived;
  };
  using grammars = opened({ texts: TEXTS, open }, 1);
  const order: string[] = [];
  const get = async (name: string, options: GrammarOptions) => {
    await grammars.get(options, endIds);
    order.push(name);
  };
  const first = get("first", large(1)), second = get("second", large(2));
  await within("the small one", Promise.race([second, get("small", OTHER)]));
  small.resolve();
  await Promise.all([first, second]);
  assertEquals(order, ["small", "first", "second"]);
});

Deno.test("a memory that can't grow when a grammar comes is no fault of the schema", async () => {
  let pages = 70_000; // of 64 KiB: more than a WebAssembly memory may have
  using grammars = opened({ texts: TEXTS, open: (code, moved) => openMoved(code, { ...moved, pages }) });
  const error = await assertRejects(() => grammars.get(OTHER, endIds), MaskMemoryError, "no 4375 MiB");
  assertStringIncludes(String(error.cause), "Maximum memory size exceeded", "the platform's words");
  pages = 1000;
  await grammars.get(OTHER, endIds);
});

Deno.test("a grammar that needs more memory than is allowed is refused as too large", async () => {
  // more than the 17 MB that it begins with
  const wide = TEXTS().map((text) => text + "x".repeat(100_000)), grammar = writtenGrammar(OTHER);
  const narrow = new Compiler(await openGrammarLibrary(libraryCode(), 0, 20 * 2 ** 20), wide);
  await assertRejects(() => narrow.compile(grammar, endIds), MaskError, "needs too much memory");
  await new Compiler(await openGrammarLibrary(libraryCode()), wide).compile(grammar, endIds);
  const told: (string | null)[] = [];
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 });
  boundMemory(memory, (why) => told.push(why), 2 ** 20);
  assertEquals(memory.grow(1), 1);
  assertThrows(() => memory.grow(5), RangeError); // the platform refuses
  assertThrows(() => memory.grow(20), RangeError, "beyond 1048576 bytes");
  assertEquals(told, ["memory", null, "memory", "limit"]);
});

Deno.test("a grammar that takes too long is refused, and at once when it is asked for again; its Worker goes on", async () => {
  let read = 0;
  const source: CompileSource = { texts: () => (read++, TEXTS()), mostMs: 100 };
  using grammars = opened(source);
  const why = "Cannot follow the JSON schema: its grammar isn't ready after 0.1 s; use shorter lengths";
  await assertRejects(() => grammars.get(large(1), endIds), MaskError, why);
  let settled = false;
  const again = assertRejects(() => grammars.get(large(1), endIds), MaskError, why).then(() =>
    settled = true
  );
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assertEquals(settled, true, "without another try");
  await again;
  delete source.mostMs;
  await grammars.get(OTHER, endIds);
  assertEquals(read, 1);
});

Deno.test("a grammar that its last client leaves stops, though nothing else is asked for", async () => {
  const ended = Promise.withResolvers<unknown>();
  const worker = new CompileWorker({ texts: TEXTS });
  const gone = new AbortController();
  worker.compile(0, large(1), endIds, gone.signal).catch(ended.resolve);
  gone.abort();
  assertEquals(await within("the end", ended.promise) instanceof GrammarGivenUp, true);
  await worker.compile(1, OTHER, endIds, new AbortController().signal);
  worker.close();
  using grammars = opened();
  const left = new AbortController();
  const waits = assertRejects(() => grammars.get(large(2), endIds, left.signal), Error, "left");
  left.abort(new Error("left"));
  await waits;
  await until("nothing is compiled", () => grammars.busy === 0);
});

Deno.test("a grammar that nobody waits for makes way for the next one", async () => {
  let read = 0;
  using grammars = opened({ texts: () => (read++, TEXTS()) });
  const gone = new AbortController(), left = new AbortController();
  const slow = [1, 2].map((seed) =>
    assertRejects(() => grammars.get(large(seed), endIds, gone.signal), Error, "gone")
  );
  const queued = assertRejects(
    () => grammars.get(optionsOf({ type: "null" }), endIds, left.signal),
    Error,
    "left",
  );
  left.abort(new Error("left"));
  await queued;
  gone.abort(new Error("gone"));
  await Promise.all(slow);
  // the Workers that compiled them go on: the vocabulary is read for each of them only
  await grammars.get(OTHER, endIds);
  assertEquals(read, 2);
});
