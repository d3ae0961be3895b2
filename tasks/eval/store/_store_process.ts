/**
 * Prints how many bytes an item takes in memory, in a store that is written (`DIRECTORY write`) or opened (`DIRECTORY open`).
 * Needs `--v8-flags=--expose-gc`.
 * @module
 */
import { ItemStore } from "./item_store.ts";

const ITEMS = 20_000;
const collect = (globalThis as unknown as { gc(): void }).gc;

function inUse(): number {
  // what the first round frees is given back in the second
  collect();
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function fill(directory: string, from: number, to: number): ItemStore {
  const store = new ItemStore(directory);
  for (let i = from; i < to; i++) {
    const text = `${i} `.repeat(200);
    const completion = { outcome: "stop" as const, text, promptTokens: 1, completionTokens: 1 };
    const shared = { id: `an-id-of-some-length-${i}`, key: i.toString(16).padStart(32, "0"), ms: 1 };
    store.append({ stage: "generate", ...shared, completion, cached: false });
    store.append({
      stage: "judge",
      ...shared,
      judgement: null,
      requests: 1,
      promptTokens: 1,
      completionTokens: 1,
    });
  }
  return store;
}

if (import.meta.main) {
  const [directory, mode] = Deno.args;
  // what the first use of everything takes isn't the items'
  const small = await Deno.makeTempDir();
  fill(small, 0, 1000)[Symbol.dispose]();
  new ItemStore(small, { readOnly: true })[Symbol.dispose]();
  await Deno.remove(small, { recursive: true });
  const before = inUse();
  using store = mode === "write" ? fill(directory!, 0, ITEMS) : new ItemStore(directory!, { readOnly: true });
  const bytes = (inUse() - before) / ITEMS;
  if (store.count("judge") !== ITEMS) throw new RangeError(`the store holds ${store.count("judge")} items`);
  console.log(bytes);
}
