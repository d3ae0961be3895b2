import { assertEquals, assertThrows } from "@std/assert";
import type { EncodedExample } from "./encoded.ts";
import { packExamples, packUnits, spread } from "./pack.ts";

function example(...sequences: [prompt: number[], answer: number[]][]): EncodedExample {
  return {
    index: 0,
    source: { file: "test", row: 0 },
    sequences: sequences.map(([x, y], i) => ({
      name: `s${i}`,
      input_ids: Int32Array.from([...x, ...y]),
      labels: Int32Array.from([...x.map(() => -100), ...y]),
    })),
  };
}

Deno.test("packExamples() shares prompts, ends subtrees, and leaves out rows that predict nothing", () => {
  // x = 1 2, y1 = 5 6 7, y2 = 8 9: by hand, rows 1 2 5 6 8; the last token of an answer needs no row.
  const pack = packExamples([example([[1, 2], [5, 6, 7]], [[1, 2], [8, 9]])]);
  assertEquals([...pack.ids], [1, 2, 5, 6, 8]);
  assertEquals([...pack.until], [5, 5, 4, 4, 5]);
  assertEquals([...pack.positions], [0, 1, 2, 3, 2]);
  assertEquals([...pack.labelRows], [1, 1, 2, 3, 4]);
  assertEquals([...pack.labelIds], [5, 8, 6, 7, 9]);
  assertEquals([...pack.owners], [0, 1, 0, 0, 1]);
  assertEquals(pack.sequences.map((s) => [s.length, s.tokens]), [[3, 5], [2, 4]]);
});

Deno.test("packExamples() lays out no row behind the last label, however many tokens follow", () => {
  const input_ids = [1, 2, 3, 4, 5, 6, 7, 8], labels = [-100, -100, 3, -100, -100, -100, -100, -100];
  const sequences = [{ name: "y", input_ids, labels }];
  const pack = packExamples([{ index: 0, source: { file: "test", row: 0 }, sequences }]);
  assertEquals([[...pack.ids], [...pack.labelRows], pack.sequences[0]!.tokens], [[1, 2], [1], 8]);
});

Deno.test("packExamples() counts a label that two sequences share once, for both", () => {
  const pack = packExamples([example([[1], [5, 6]], [[1], [5, 7]])]);
  assertEquals([...pack.ids], [1, 5]);
  assertEquals([...pack.labelIds], [5, 6, 7]);
  assertEquals([...pack.ownerStart], [0, 2, 3, 4]);
  assertEquals([...pack.owners], [0, 1, 0, 1]);
});

Deno.test("packExamples() keeps examples apart even when they begin alike", () => {
  const pack = packExamples([example([[1], [5, 6]]), example([[1], [5, 6]])]);
  assertEquals([...pack.ids], [1, 5, 1, 5]);
  assertEquals([...pack.until], [2, 2, 4, 4]);
});

Deno.test("packExamples() lays out once what examples begin with alike, where that is asked for", () => {
  // 1 2 is the beginning of both prompts, 1 2 3 5 6 and 1 2 4 5 7: by hand, rows 1 2 3 5, then 4 5.
  const own = [example([[1, 2, 3], [5, 6]]), example([[1, 2, 4], [5, 7]])];
  const pack = packExamples(own, { shared: true });
  assertEquals([...pack.ids], [1, 2, 3, 5, 4, 5]);
  assertEquals([...pack.until], [6, 6, 4, 4, 6, 6]);
  assertEquals([...pack.positions], [0, 1, 2, 3, 2, 3]);
  assertEquals([...pack.labelRows], [2, 3, 4, 5]);
  assertEquals([...pack.owners], [0, 0, 1, 1]);
  assertEquals(pack.sequences.map((s) => [s.example, s.length, s.tokens]), [[0, 2, 5], [1, 2, 5]]);
});

Deno.test("packExamples() gives a label that two examples share to both, and another beginning a tree of its own", () => {
  const own = [example([[1], [5, 6]]), example([[2], [5]]), example([[1], [5, 7]])];
  const pack = packExamples(own, { shared: true });
  assertEquals([...pack.ids], [1, 5, 2]);
  assertEquals([...pack.until], [2, 2, 3]);
  assertEquals([...pack.labelIds], [5, 6, 7, 5]);
  assertEquals([...pack.ownerStart], [0, 2, 3, 4, 5]);
  assertEquals([...pack.owners], [0, 2, 0, 2, 1]);
});

Deno.test("packExamples() refuses a sequence without labels, also when only its first token has one", () => {
  assertThrows(() => packExamples([example([[1, 2], []])]), RangeError, "it has no label");
  assertThrows(() => packExamples([example([[], [2]])]), RangeError, "it has no label");
  assertEquals(packExamples([example([[], [2, 3]])]).sequences[0]!.length, 1);
});

Deno.test("packUnits() fills up to the budget and gives a larger unit its own pack", () => {
  const two = example([[1], [5, 6]]), three = example([[1, 2], [5, 6]]);
  const packs = packUnits([[two], [two], [three], [two, two, two], [two]], 4);
  assertEquals(packs.map((p) => p.length), [2, 1, 3, 1]);
});

Deno.test("packUnits() gives engines of several replicas packs that leave each replica at most the budget", () => {
  const ofRows = (rows: number) => [example([Array.from({ length: rows }, (_, i) => i), [99]])];
  const sizes = [3, 5, 2, 4, 4, 6].map(ofRows);
  const rows = (replicas: number) =>
    packUnits(sizes, 6, replicas).map((pack) => pack.map((e) => e.sequences[0]!.input_ids.length - 1));
  assertEquals(rows(1), [[3], [5], [2, 4], [4], [6]]);
  // The largest first: 6 | 5, then 4 + 2 | 4, and 3 would be the seventh row of both.
  assertEquals(rows(2), [[6, 5], [4, 4], [3, 2]]);
});

Deno.test("spread() gives the costliest first, each to the bin with least", () => {
  assertEquals(spread([1, 7, 3, 3, 2], 2), [[1, 0], [2, 3, 4]]);
  assertEquals(spread([5], 3), [[0], [], []]);
});

Deno.test("packExamples() lays all of a sequence out whose measure is a value, and labels its last token alone", () => {
  // x = 1 2, chosen 5 6, rejected 5: by hand, rows 1 2 5 6; the value of rejected is that of row 2, though another token follows it there.
  const { sequences, ...rest } = example([[1, 2], [5, 6]], [[1, 2], [5]]);
  const valued = { ...rest, sequences: sequences.map((s) => ({ ...s, measure: "value" as const })) };
  const pack = packExamples([valued]);
  assertEquals([...pack.ids], [1, 2, 5, 6]);
  assertEquals([...pack.until], [4, 4, 4, 4]);
  assertEquals([...pack.labelRows], [2, 3]);
  assertEquals([...pack.owners], [1, 0]);
  assertEquals(pack.sequences.map((s) => [s.length, s.tokens]), [[1, 4], [1, 3]]);
  // without any learnt token, too
  const blank = { name: "y", input_ids: [7], labels: [-100], measure: "value" as const };
  assertEquals([...packExamples([{ ...rest, sequences: [blank] }]).labelRows], [0]);
  const empty = { ...rest, sequences: [{ ...blank, input_ids: [], labels: [] }] };
  assertThrows(() => packExamples([empty]), RangeError, 'sequence "y" of test row 0');
});
