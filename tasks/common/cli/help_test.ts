import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { parseArguments } from "./arguments.ts";
import { helpTopic, taskHelp } from "./help.ts";
import { usage } from "./help_lines.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag or key",
  "limit N":
    "how many of them there are to be at most, where there are more than that, and not one more, whatever is asked",
};
const LINES = [
  "deno task x [FILE]",
  "",
  "  deno task x file.yaml --limit 3 with=keys and=values of=length   this is what it would do then",
];
const KEYS = {
  section: "x",
  texts: Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`key_number_${i}`, `what ${i} does `.repeat(9)]),
  ),
};

Deno.test("taskHelp() fits 80 columns: names of keys, one of them, one flag, or all", () => {
  const whole = taskHelp("", LINES, FLAGS, { keys: KEYS }),
    all = taskHelp("all", LINES, FLAGS, { keys: KEYS });
  for (const line of [...whole.split("\n"), ...all.split("\n")]) assert(line.length <= 80, line);
  assert(whole.includes("of=length\n      this is what it would do then\n"), whole);
  assert(whole.includes("key_number_19") && !whole.includes("what 19 does"), whole);
  assert(all.includes("what 19 does"), all);
  assertEquals(taskHelp("limit", ["usage"], { "limit N": "how many" }), "--limit N  how many");
  assertEquals(
    taskHelp("rows", ["usage"], FLAGS, { keys: { section: "x", texts: { rows: "wanted" } } }),
    "rows  wanted",
  );
  assertThrows(
    () => taskHelp("limt", LINES, FLAGS, { keys: KEYS }),
    RangeError,
    'Cannot tell of "limt" - did you mean "limit"?',
  );
});

Deno.test("helpTopic() is a flag or key, never the task's file", () => {
  const topic = (words: string[]) => helpTopic(parseArguments(words, FLAGS), ["tiny"]);
  assertEquals(
    [
      ["--help"],
      ["--help", "limit"],
      ["limit", "--help"],
      ["-h", "limit"],
      ["a.yaml", "--help"],
      ["--help", "a/b"],
      ["tiny", "--help"],
      [
        "--help=limit",
        "a.yaml",
      ],
      ["a.yaml", "--help", "limit"],
    ].map(topic),
    ["", "limit", "limit", "limit", "", "", "", "limit", "limit"],
  );
});

Deno.test("usage() names every flag", () => {
  const flags = { help: "this text", "dry-run": "show, don't train", json: "as JSON" };
  const text = usage(["deno task train"], flags);
  for (const [flag, what] of Object.entries(flags)) {
    assertStringIncludes(text, `--${flag}`), assertStringIncludes(text, what);
  }
});
