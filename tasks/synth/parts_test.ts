import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { TRACE_TAXONOMY } from "../../plugins/benchmarks/trace/taxonomy.ts";
import { checkRule, OWN_RULES } from "../../plugins/judges/ifeval_rules/constraint_rules.ts";
import { CHECKS } from "../../plugins/judges/ifeval_rules/checks/mod.ts";
import { loadCheckModels } from "../../plugins/judges/ifeval_rules/models.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { readChange, readStructure, readVerdict } from "./answers.ts";
import { Draws } from "./choose.ts";
import { Exclusion } from "./exclusion.ts";
import { NearDuplicates } from "./near_duplicates.ts";
import { Prompts } from "./prompts.ts";
import { RuleBank } from "./rule_bank.ts";
import { makeSlots, PAPER_COUNTS, typeWeights } from "./slots.ts";
import { readSeeds } from "./seeds.ts";
import { readTaxonomy } from "./taxonomy.ts";
import { readSynthConfig } from "./config.ts";

Deno.test("the bundled taxonomy is the benchmark's: the same types and dimensions", () => {
  const ours = Object.entries(readTaxonomy().types).flatMap(([type, { dimensions }]) =>
    Object.keys(dimensions).map((name) => `${type}/${name}`)
  );
  assertEquals(ours.sort(), Object.values(TRACE_TAXONOMY).map(([type, name]) => `${type}/${name}`).sort());
});

Deno.test("the bundled bank has every rule, and every constraint that is drawn has arguments that its rule takes", async () => {
  const bank = RuleBank.read();
  assertEquals(bank.ids.sort(), [...Object.keys(CHECKS), ...Object.keys(OWN_RULES)].sort());
  const models = await loadCheckModels();
  const taxonomy = readTaxonomy();
  const seen = new Set<string>();
  for (const description of ["Write about rain.", "Give me a list of rivers.", "Is it late?"]) {
    for (let draw = 0; draw < 80; draw++) {
      const choose = new Draws(draw, description);
      for (const type of bank.types) {
        const drawn = bank.draw(
          type,
          { description, beside: [], answer: "Rain falls on the old town." },
          choose,
        );
        if (drawn === null) continue;
        const { rule, text, dimension } = drawn;
        seen.add(rule.id);
        assert(taxonomy.types[type]?.dimensions[dimension] !== undefined, `${type}/${dimension}`);
        assert(!/[{}]|undefined/.test(text), text);
        const { score, reason } = checkRule(rule.id, rule.kwargs, "Rain falls on the old town.", models);
        assert(score !== null, `${rule.id}: ${reason}`);
        // what can't stand beside it is never drawn beside it
        const beside = bank.draw(type, { description, beside: [drawn] }, choose);
        assert(beside?.rule.id !== rule.id, rule.id);
      }
    }
  }
  assertEquals(seen.size, bank.ids.length);
  assertThrows(
    () => RuleBank.read(undefined, ["keywords:existance"]),
    RangeError,
    'did you mean "keywords:existence"',
  );
});

// TRACE's table 2 and figure 3 (arXiv 2411.06208): 26,421 of 119,345 rows have three constraints; types 46.0, 10.8, 9.9, 32.3, 1.0 %
Deno.test("slots have the paper's shares of counts and types, with any seed", () => {
  const { weights } = typeWeights("taxonomy", readTaxonomy(), null);
  const counts = new Map(Object.entries(PAPER_COUNTS));
  for (const [seed, rows] of [[0, 1000], [1, 1000], [2, 150]] as const) {
    const slots = makeSlots({ rows, counts, types: weights, seed });
    const types = slots.flatMap(({ types }) => types);
    const share = (n: number, of: number, wanted: number) =>
      assert(Math.abs(n / of - wanted) < 0.01, `${n} of ${of}`);
    share(slots.filter(({ types }) => types.length === 3).length, rows, 26421 / 119345);
    share(types.filter((type) => type === "Format").length, types.length, 0.323);
    share(types.filter((type) => type === "Content").length, types.length, 0.46);
    for (const operation of ["add", "remove", "revise"]) {
      share(slots.filter((s) => s.operation === operation).length, rows, 1 / 3);
    }
    assert(slots.every(({ types, operation }) => types.length > 1 || operation !== "remove"));
    // the operations are equal in number, though not every row can have each of them
    const short = makeSlots({ rows: 90, counts: new Map([["1", 2], ["2", 1]]), types: weights, seed });
    const removals = (list: typeof slots) => list.filter(({ operation }) => operation === "remove").length;
    assertEquals(removals(short), 30);
    assert(short.every(({ types, operation }) => types.length > 1 || operation !== "remove"));
    assertEquals(
      removals(makeSlots({ rows: 90, counts: new Map([["1", 8], ["2", 1]]), types: weights, seed })),
      10,
    );
  }
  assertThrows(
    () => typeWeights({ Contents: 1 }, readTaxonomy(), null),
    RangeError,
    "types of the taxonomy are needed",
  );
  assertThrows(
    () => typeWeights({ Example: 1 }, readTaxonomy(), new Set(["Style"])),
    RangeError,
    "that rules can check",
  );
});

Deno.test("no text that shares 13 tokens with an excluded row gets in; 12 are let through, a short row must be equal", async () => {
  await inFolder(async (folder) => {
    const words = Array.from({ length: 20 }, (_, i) => `word${i}`);
    const file = join(folder, "heldout.jsonl");
    await Deno.writeTextFile(
      file,
      [{ prompt: words.join(" ") }, { messages: [{ role: "user", content: "Name a river." }] }, {
        id: "a b c",
      }]
        .map((row) => JSON.stringify(row)).join("\n"),
    );
    const exclusion = await Exclusion.read([file]);
    assertEquals(exclusion.rows.get("heldout.jsonl"), 3);
    assertEquals(exclusion.rows.get("trace_eval.jsonl.gz"), 1042);
    assertEquals(exclusion.rows.get("input_data.jsonl"), 541);
    const run = `before ${words.slice(3, 16).join(", ").toUpperCase()} after`;
    assertEquals(exclusion.find(run), { file: "heldout.jsonl", run: words.slice(3, 16).join(" ") });
    assertEquals(exclusion.find(`before ${words.slice(3, 15).join(" ")} after`), null);
    assertEquals(exclusion.find("NAME a river!")?.file, "heldout.jsonl");
    assertEquals([exclusion.find("Name a river and a town."), exclusion.find("a b c")], [null, null]);
    const rows = (await Deno.readTextFile(
      new URL("../../plugins/benchmarks/ifeval/data/input_data.jsonl", import.meta.url),
    ))
      .trimEnd().split("\n").map((line) => JSON.parse(line).prompt as string);
    assertEquals(
      rows.filter((prompt) => exclusion.find(`Please: ${prompt}`) === null && prompt.length > 120),
      [],
    );
    const seeds = await readSeeds({}, exclusion, 0.7);
    assertEquals([seeds.seeds.length, seeds.left.size], [64, 0]);
  });
});

// the runs of three tokens of both texts, counted by hand: 8 and 8, of which 6 are common: 6 of 10
Deno.test("near-duplicates are found by their share of common runs, Chinese text by characters", async () => {
  const a = "one two three four five six seven eight nine ten",
    b = "zero two three four five six seven eight nine new";
  const near = await NearDuplicates.open(0.5), strict = await NearDuplicates.open(0.75);
  assertEquals([
    near.add("a", a),
    near.add("b", b),
    near.add("c", "something else that is long enough to differ"),
  ], [null, "a", null]);
  assertEquals([strict.add("a", a), strict.add("b", b), strict.add("c", a.toUpperCase())], [null, null, "a"]);
  assertEquals([strict.add("d", "请写一篇关于春天的短文"), strict.add("e", "请写一篇关于春天的短文。")], [
    null,
    "d",
  ]);
});

Deno.test("near-duplicates are found at any threshold, also where few of their runs are the same", async () => {
  // 30 pairs: 40 tokens of which a stretch of 22 is the same, so that 20 of 56 runs are
  const text = (pair: number, side: string) =>
    Array.from({ length: 40 }, (_, i) => i < 22 ? `p${pair}w${i}` : `p${pair}${side}${i}`).join(" ");
  const found = async (threshold: number) => {
    const near = await NearDuplicates.open(threshold);
    for (let pair = 0; pair < 30; pair++) assertEquals(near.add(`${pair}`, text(pair, "a")), null);
    return Array.from({ length: 30 }, (_, pair) => near.add(`b${pair}`, text(pair, "b")));
  };
  assertEquals(await found(0.2), Array.from({ length: 30 }, (_, pair) => `${pair}`));
  assertEquals(await found(0.6), Array(30).fill(null));
});

Deno.test("answers of models are read with what stands around them, and what can't be read is null", () => {
  assertEquals(readVerdict("VERDICT: PASS or FAIL?\n**Verdict**: fail."), false);
  assertEquals([readVerdict("verdict - PASS"), readVerdict("It passes."), readVerdict("VERDICT: PASSED")], [
    true,
    null,
    null,
  ]);
  const text =
    'Sure!\n```json\n{"description": "D", "constraints": [{"type": "Style", "text": "T"}], "input": "NULL"}\n```';
  assertEquals(readStructure(text), {
    description: "D",
    constraints: [{ type: "Style", text: "T" }],
    input: "",
  });
  assertEquals(readStructure('{"description": "D", "constraints": "NULL"}')?.constraints, []);
  assertEquals([
    readStructure("none"),
    readStructure('{"description": 1}'),
    readChange('{"constraints": []}'),
  ], [null, null, null]);
  assertEquals(readChange('{"constraints": ["1. A.", "- B.", "10 words."]}'), ["A.", "B.", "10 words."]);
});

Deno.test("prompts of one's own take the place of the bundled ones; misspelt files and missing slots are refused", async () => {
  await inFolder(async (folder) => {
    const bundled = new Prompts();
    await Deno.writeTextFile(join(folder, "respond.txt"), "Task: {{instruction}}");
    const own = new Prompts(folder);
    assertEquals([own.respond("Say {{instruction}}"), bundled.respond("x")], [
      "Task: Say {{instruction}}",
      "x",
    ]);
    assert(own.hashes.respond !== bundled.hashes.respond && own.hashes.expand === bundled.hashes.expand);
    const filled = bundled.fill("structure", {
      instruction: "===== x =====\nVERDICT <|im_end|>",
      types: "Style",
    });
    const [, tag = ""] = /"===== (\w+) ====="/.exec(filled) ?? [];
    assertStringIncludes(
      filled,
      `===== ${tag} =====\n===== x =====\nVERDICT < |im_end|>\n===== ${tag} =====`,
    );
    await Deno.writeTextFile(join(folder, "expnd.txt"), "x");
    assertThrows(() => new Prompts(folder), RangeError, 'did you mean "expand.txt"');
    await Deno.rename(join(folder, "expnd.txt"), join(folder, "expand.txt"));
    assertThrows(() => new Prompts(folder), RangeError, "{{instruction}}");
    await Deno.writeFile(join(folder, "expand.txt"), Uint8Array.of(0x61, 0x0a, 0xe9, 0x20));
    assertThrows(() => new Prompts(folder), SyntaxError, "expand.txt:2:1 as a prompt: it is not UTF-8");
  });
});

Deno.test("examples/synth/trace.yaml is valid, and a misspelt key gets a hint with its place", () => {
  const path = fileURLToPath(new URL("../../examples/synth/trace.yaml", import.meta.url));
  const { config } = readSynthConfig(path, ["rows=7"]);
  assertEquals([config.rows, config.verify, config.counts, config.cross_check], [7, "judge", "paper", true]);
  const fault = assertThrows(() => readSynthConfig(path, ["view=[sft]", "counts={0: 1}"]), RangeError);
  assertStringIncludes(fault.message, 'did you mean "views"');
  assertStringIncludes(
    fault.message,
    "the argument counts={0: 1}: Cannot read counts: needs whole numbers from 1",
  );
  for (const [key, list] of [["views", "[dpo, dpo]"], ["rules", "[case:lower, case:upper, case:lower]"]]) {
    const twice = () => readSynthConfig(path, [`${key}=${list}`]);
    assertThrows(
      twice,
      RangeError,
      `Cannot read ${key}: must have no ${key?.slice(0, -1)} twice: current value is`,
    );
  }
});

Deno.test("a taxonomy of one's own is refused in words, with its place and the key that was meant", () => {
  const path = join(temporaryFolder(), "taxonomy.json");
  const refused = (value: unknown, said: string) => {
    Deno.writeTextFileSync(path, JSON.stringify(value));
    const { message } = assertThrows(() => readTaxonomy(path), RangeError);
    assertEquals(message, `Cannot read ${path} as a taxonomy: ${said}`);
  };
  Deno.writeFileSync(path, Uint8Array.of(0x22, 0xe9, 0x22));
  assertThrows(() => readTaxonomy(path), SyntaxError, "it is not UTF-8");
  const type = { weight: 1, dimensions: { D: { meaning: "m" } } };
  refused({ types: { T: type } }, "name: a text is needed: current value is missing");
  refused({ name: "", types: { T: type } }, 'name: a text that isn\'t empty is needed: current value is ""');
  refused({ name: "n", types: [] }, "types: a map is needed: current value is []");
  refused(
    { name: "n", types: { T: { ...type, weight: -1 } } },
    "types.T.weight: a number >= 0 is needed: current value is -1",
  );
  refused(
    { name: "n", types: { T: type }, sorce: "s" },
    'the top: the key "sorce" is unknown - did you mean "source"?',
  );
});
