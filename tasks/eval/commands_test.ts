import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { type Command, readCommand } from "./commands.ts";

const EVALUATE: Command = {
  verb: "evaluate",
  config: undefined,
  overrides: [],
  stage: undefined,
  dryRun: false,
  ping: false,
  json: false,
  fresh: false,
  rejudge: false,
};

Deno.test("readCommand() reads evaluations", () => {
  assertEquals(readCommand(["x.yaml", "--stage", "score", "a=1"]), {
    ...EVALUATE,
    config: "x.yaml",
    overrides: ["a=1"],
    stage: "score",
  });
  assertEquals(readCommand(["--stage=judge"]), { ...EVALUATE, stage: "judge" });
  assertEquals(readCommand(["cart", "--stage", "judge"]), { ...EVALUATE, config: "cart", stage: "judge" });
  assertEquals(readCommand(["x.yaml", "--rescore", "--json"]), {
    ...EVALUATE,
    config: "x.yaml",
    stage: "report",
    json: true,
  });
  assertEquals(readCommand(["--dry-run", "--ping", "--fresh", "--rejudge"]), {
    ...EVALUATE,
    dryRun: true,
    ping: true,
    fresh: true,
    rejudge: true,
  });
  const help = readCommand(["--help"], () => {}, () => ({ rows: "the keys" }));
  assert(help.verb === "help");
  assertStringIncludes(
    help.text,
    "Keys under evaluator (--help KEY tells of one, --help all of each)\n  rows",
  );
  const one = readCommand(["--help", "rows"], () => {}, () => ({ rows: "the keys" }));
  assert(one.verb === "help");
  assertEquals(one.text, "rows  the keys");
  const wrong: [string[], string][] = [
    [["--help", "stag"], 'did you mean "stage"'],
    [["--ping"], "--ping without --dry-run"],
    [["--stage", "juge"], 'did you mean "judge"'],
    [["--stage"], "--stage without a value"],
    [["--rescore", "--stage=score"], "both --stage and --rescore"],
    [["--rejudge", "--stage=generate"], "the stage generate gives no verdicts"],
    [["--json=yes"], "--json takes no value"],
    [["--rejuge"], 'did you mean "--rejudge"'],
    [["a.yaml", "b.yaml"], "two files"],
    [["compair", "a", "b"], 'did you mean "compare"?'],
    [["crad", "a", "reference=rules"], 'did you mean "card"?'],
    [["card.yaml", "a.yaml"], "two files"],
  ];
  for (const [args, message] of wrong) assertThrows(() => readCommand(args), RangeError, message);
});

Deno.test("readCommand() reads comparisons: files of tables, and a gate with or without a score", () => {
  const base = {
    verb: "compare" as const,
    runs: ["a", "b"] as [string, string],
    json: false,
    out: [],
    failIfWorse: undefined,
  };
  assertEquals(readCommand(["compare", "a", "b"]), base);
  assertEquals(readCommand(["compare", "--json", "a", "--fail-if-worse", "b"]), {
    ...base,
    json: true,
    failIfWorse: "",
  });
  for (
    const args of [["--fail-if-worse", "IF-M", "a", "b"], ["a", "b", "--fail-if-worse", "IF-M"], [
      "a",
      "b",
      "--fail-if-worse=IF-M",
    ]]
  ) {
    assertEquals(readCommand(["compare", ...args]), { ...base, failIfWorse: "IF-M" });
  }
  assertEquals(readCommand(["compare", "a", "b", "--out", "t.md,u.csv"]), {
    ...base,
    out: ["t.md", "u.csv"],
  });
  assertEquals(readCommand(["compare", "a", "b", "--out=nowhere/t"]), {
    ...base,
    out: ["nowhere/t.md", "nowhere/t.csv", "nowhere/t.tex"],
  });
  assertThrows(() => readCommand(["compare", "a"]), RangeError, "two run directories");
  assertThrows(() => readCommand(["compare", "a", "b", "c"]), RangeError, "3 words");
  assertThrows(
    () => readCommand(["compare", "a", "b", "--out=t.xlsx"]),
    RangeError,
    "known are .md, .csv, .tex",
  );
});

Deno.test("readCommand() reads judge cards", () => {
  const base = { verb: "card" as const, run: "a", reference: undefined, scale: 1, reorder: 0, json: false };
  assertEquals(readCommand(["card", "a", "reference=f", "scale=10"]), { ...base, reference: "f", scale: 10 });
  assertEquals(readCommand(["card", "a", "reorder=50", "--json"]), { ...base, reorder: 50, json: true });
  assertThrows(
    () => readCommand(["card", "a", "reorder=x"]),
    RangeError,
    "Cannot read reorder as a whole number",
  );
  assertThrows(() => readCommand(["card", "a", "refrence=x"]), RangeError, 'did you mean "reference"');
  assertThrows(() => readCommand(["card"]), RangeError, "a run directory");
});

Deno.test("readCommand() takes the flags of earlier versions, and says what they are now", () => {
  const notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  assertEquals(
    readCommand(["--compare", "a", "b", "--json"], note),
    readCommand(["compare", "a", "b", "--json"]),
  );
  assertEquals(readCommand(["--judge-card", "a", "scale=2"], note), readCommand(["card", "a", "scale=2"]));
  assertEquals(notes.length, 2);
  assertStringIncludes(notes[0]!, "deno task eval compare");
});
