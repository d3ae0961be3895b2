import { gzipSync } from "node:zlib";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";

import { builtinRegistry } from "../../builtins.ts";
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import type { Judgement } from "../../kinds/judgement.ts";
import { findScore, scoreResults } from "../scores.ts";
import { readRowItems } from "./read.ts";
import { unitProtocol } from "./rows.ts";

const collect = async (
  text: string | Uint8Array<ArrayBuffer>,
  suffix = ".jsonl",
): Promise<BenchmarkItem[]> => {
  const file = await Deno.makeTempFile({ suffix });
  try {
    await (typeof text === "string" ? Deno.writeTextFile(file, text) : Deno.writeFile(file, text));
    return await Array.fromAsync(readRowItems(file));
  } finally {
    await Deno.remove(file);
  }
};

Deno.test("readRowItems() reads prompts, messages, constraints with and without rules, plain and gzipped", async () => {
  const text = '{"id": 3, "prompt": "p", "constraints": ["c"]}\n' +
    '{"id": "b", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], ' +
    '"constraints": [{"text": "t", "rule": {"id": "punctuation:no_comma"}, "groups": {"kind": "k"}}], "groups": {"g": "1"}}';
  const expected: BenchmarkItem[] = [
    {
      id: "3",
      messages: [{ role: "user", content: "p" }],
      constraints: [{ text: "c", groups: {} }],
      groups: {},
      fields: {},
    },
    {
      id: "b",
      messages: [{ role: "system", content: "s" }, { role: "user", content: "u" }],
      constraints: [{
        text: "t",
        rule: { id: "punctuation:no_comma", kwargs: {} },
        groups: { rule: "punctuation:no_comma", kind: "k" },
      }],
      groups: { g: "1" },
      fields: {},
    },
  ];
  assertEquals(await collect(text), expected);
  const packed = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")))
    .bytes();
  assertEquals(await collect(packed, ".jsonl.gz"), expected);
});

const bad: [string, string][] = [
  ['{"id": "a", "prompt": "p", "constraints": []}', "constraints"],
  [
    '{"id": "a", "prompt": "p", "messages": [{"role": "user", "content": "u"}], "constraints": ["c"]}',
    "one of the two",
  ],
  [
    '{"id": "a", "messages": [{"role": "assistant", "content": "u"}], "constraints": ["c"]}',
    "end with a user turn",
  ],
  ['{"prompt": "p", "constraints": ["c"]}', "id"],
  ['{"id": "a", "prompt": "p", "constraints": [{"text": "c", "rul": 1}]}', "constraints.0"],
  ["not json", ":1:2 as JSON"],
];
for (const [row, message] of bad) {
  Deno.test(`readRowItems() refuses ${row}`, async () => {
    await assertRejects(() => collect(row), SyntaxError, message);
  });
}

Deno.test("readRowItems() names a file that isn't there", async () => {
  await assertRejects(
    () => Array.fromAsync(readRowItems("nowhere.jsonl")),
    RangeError,
    "Cannot read nowhere.jsonl",
  );
  const folder = temporaryFolder();
  await assertRejects(
    () => Array.fromAsync(readRowItems(folder)),
    RangeError,
    `Cannot read ${folder} as benchmark rows`,
  );
  const file = `${folder}/a.jsonl.gz`;
  const whole = gzipSync('{"id": "a", "prompt": "p", "constraints": ["c"]}\n'.repeat(9));
  for (const bytes of [whole.subarray(0, 40), new TextEncoder().encode("{}")]) {
    Deno.writeFileSync(file, bytes);
    await assertRejects(() => Array.fromAsync(readRowItems(file)), SyntaxError, `Cannot unpack ${file}: `);
  }
});

Deno.test("readRowItems() tells where ids come twice, in lists as in lines", async () => {
  const row = (id: string) => JSON.stringify({ id, prompt: "p", constraints: ["c"] });
  const rows = [...Array.from({ length: 3000 }, (_, i) => row(`${i}`)), row("1234")];
  const message = 'current value is "1234" in rows 1234 and 3000 (line ';
  // the blank line counts as a line, not as a row
  await assertRejects(() => collect("\n" + rows.join("\n")), RangeError, `${message}3002)`);
  await assertRejects(() => collect(`[\n${rows.join(",\n")}]`, ".json"), RangeError, `${message}3002)`);
  await assertRejects(() => collect("[ ]"), RangeError, "a file without rows");
  const lacking = `[${row("a")},\n\n{"id": "b", "prompt": "p"}]`;
  await assertRejects(() => collect(lacking), SyntaxError, ":3 row 1 as a benchmark row: constraints");
});

Deno.test("readRowItems() gives the first items of a file whose end is broken: it doesn't read ahead", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const row = (id: number) => JSON.stringify({ id, prompt: "p".repeat(500), constraints: ["c"] });
    await Deno.writeTextFile(file, `[${Array.from({ length: 1000 }, (_, i) => row(i)).join(",")}, nope]`);
    const rows = readRowItems(file);
    for (let i = 0; i < 1000; i++) assertEquals((await rows.next()).value?.id, `${i}`);
    await assertRejects(() => rows.next(), SyntaxError, "row 1000");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("unitProtocol() reads TRACE's 0 to 10 as 0 to 1", () => {
  const protocol = unitProtocol(2);
  const item: BenchmarkItem = {
    id: "i",
    messages: [{ role: "user", content: "q" }],
    constraints: [{ text: "a", groups: {} }],
    groups: {},
    fields: {},
  };
  const { constraints, overall } = protocol.read(
    item,
    'Fine Grained Score: [{"a": 7}]\nConstraints Overall Score: [[7]]',
  );
  assertAlmostEquals(constraints[0]!.score!, 0.7, 1e-12);
  assertAlmostEquals(overall.score!, 0.7, 1e-12);
  assertEquals(protocol.read(item, "nothing").constraints[0]!.score, null);
});

Deno.test("rows' scores count what is kept and leave what isn't scored out (by hand)", () => {
  const benchmark = builtinRegistry().create("benchmark", "rows", { path: "x" });
  const item = (id: string, n: number): BenchmarkItem => ({
    id,
    messages: [],
    constraints: Array.from(
      { length: n },
      (_, i) => ({ text: `${i}`, groups: { kind: i === 0 ? "first" : "other" } }),
    ),
    groups: { size: `${n}` },
    fields: {},
  });
  const judged = (...scores: (number | null)[]): Judgement => ({
    constraints: scores.map((score) => score === null ? { score, reason: "r" } : { score }),
    overall: { score: null, reason: "r" },
    raw: "",
  });
  const scores = scoreResults(benchmark, [
    { item: item("a", 2), response: "x", judgement: judged(1, 1) },
    { item: item("b", 2), response: "x", judgement: judged(1, 0.5) },
    { item: item("c", 2), response: "x", judgement: judged(1, null) },
    { item: item("d", 1), response: null, judgement: null },
  ]);
  assertEquals(findScore(scores, "followed"), {
    metric: "followed",
    value: 0.5,
    ofAll: 0.25,
    scored: 2,
    unscored: 2,
  });
  assertEquals(findScore(scores, "constraint")?.value, 4 / 5);
  assertEquals(findScore(scores, "mean")?.value, 4.5 / 5);
  assertEquals(findScore(scores, "constraint", "kind", "other")?.value, 1 / 2);
  assertEquals(findScore(scores, "followed", "size", "1")?.value, null);
});

Deno.test("benchmark constraints: the data's own answers keep every constraint, others don't", async () => {
  const benchmark = builtinRegistry().create("benchmark", "constraints");
  const items = await Array.fromAsync(benchmark.items());
  assertEquals(items.length, 200);
  // heldout_sft.jsonl holds x1 with y1 and comes from the same records, written by fixtures/constraints/make_data.ts
  const sft = (await Deno.readTextFile(
    new URL("../../../fixtures/constraints/data/heldout_sft.jsonl", import.meta.url),
  ))
    .trimEnd().split("\n").map((line) =>
      JSON.parse(line) as { instruction?: string; output?: string; messages?: { content: string }[] }
    );
  const answers = new Map(
    sft.map((row) => [row.instruction ?? row.messages![0]!.content, row.output ?? row.messages![1]!.content]),
  );
  let checked = 0;
  for (const item of items) {
    const answer = answers.get(item.messages[0]!.content);
    if (answer === undefined) continue;
    checked++;
    assertEquals((await benchmark.check!(item, answer)).overall.score, 1, item.id);
    assertEquals((await benchmark.check!(item, "")).overall.score, 0, item.id);
  }
  assert(checked > 100, `${checked} answers found`);
});

Deno.test("readRowItems() names a misspelt field of a row, with the one that was meant", async () => {
  const faults: [row: string, fault: string][] = [
    [
      '{"id": null, "prompt": "p", "constraints": ["c"]}',
      "id: a text or a number is needed: current value is null",
    ],
    ['{"id": 1, "prompt": 3, "constraints": ["c"]}', "prompt: a text is needed: current value is 3"],
    ['{"id": 1, "promt": "p", "constraints": ["c"]}', 'unknown field "promt" - did you mean "prompt"?'],
    [
      '{"id": 1, "prompt": "p", "constraints": ["c"], "gruops": {}}',
      'unknown field "gruops" - did you mean "groups"?',
    ],
    [
      '{"id": 1, "prompt": "p", "constraints": [{"txt": "c"}]}',
      'constraints.0: unknown field "txt" - did you mean "text"?',
    ],
  ];
  for (const [row, fault] of faults) {
    await assertRejects(
      () => collect(`{"id": 0, "prompt": "p", "constraints": ["c"]}\n${row}`),
      SyntaxError,
      `:2 row 1 as a benchmark row: ${fault}`,
    );
  }
  // a team's own fields stay
  assertEquals(
    (await collect('{"id": 1, "prompt": "p", "constraints": ["c"], "source": "s", "prompt_id": 3}')).length,
    1,
  );
});
