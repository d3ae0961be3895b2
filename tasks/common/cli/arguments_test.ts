import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { parseArguments, portNumber, wholeNumber } from "./arguments.ts";

const FLAGS = { help: "this text", "dry-run": "show, don't train", json: "as JSON" };

Deno.test("parseArguments() tells file, overrides and flags apart", () => {
  const parsed = parseArguments(
    ["a/b.yaml", "--dry-run", "learning_rate=5e-6", "output_dir=a=b", "-h"],
    FLAGS,
  );
  assertEquals(parsed.config, "a/b.yaml");
  assertEquals(parsed.overrides, ["learning_rate=5e-6", "output_dir=a=b"]);
  assertEquals([...parsed.flags], ["dry-run", "help"]);
  assertEquals(parseArguments([], FLAGS).config, undefined);
});

Deno.test("parseArguments() refuses an unknown flag and a second file", () => {
  const unknown = assertThrows(() => parseArguments(["--dryrun"], FLAGS), RangeError);
  assertStringIncludes(unknown.message, 'did you mean "--dry-run"');
  const key = assertThrows(() => parseArguments(["--learning-rate=1"], FLAGS), RangeError);
  assertStringIncludes(key.message, "keys are written learning_rate=VALUE");
  const said = (args: string[], most?: number, takesKeys?: boolean) =>
    assertThrows(() => parseArguments(args, FLAGS, most, takesKeys), RangeError).message;
  assertEquals(
    said(["-x"]),
    "Cannot use the unknown flag -x: flags are --help, --dry-run, --json",
    "a letter is no key",
  );
  assertStringIncludes(said(["--x"], 1, false), "--dry-run, --json");
  assert(!said(["--x"], 1, false).includes("keys are written"));
  for (const flag of ["-c", "--config", "--config-file=a.yaml"]) {
    assertStringIncludes(said([flag, "a.yaml"]), "; a file is named without a flag");
  }
  for (const written of ["rate = 1e-4", "rate =1e-4", "rate= 1e-4"]) {
    assertStringIncludes(said(["a.yaml", ...written.split(" ")]), "write rate=1e-4 without blanks around =");
  }
  assertThrows(() => parseArguments(["a.yaml", "b.yaml"], FLAGS), RangeError, "a.yaml and b.yaml");
  assertThrows(
    () => parseArguments(["a.yaml"], FLAGS, 0),
    RangeError,
    "Cannot take a.yaml as only flags are taken here",
  );
});

Deno.test("parseArguments() gives flags their values, behind = or as the next word", () => {
  const known = { "limit N": "how many", "worse [SCORE]": "gate", json: "as JSON" };
  const read = (...args: string[]) => {
    const { words, values, flags } = parseArguments(args, known, 2);
    return [words, Object.fromEntries(values), [...flags]];
  };
  assertEquals(read("--limit", "3", "a"), [["a"], { limit: "3" }, ["limit"]]);
  assertEquals(read("--limit=3", "--json"), [[], { limit: "3" }, ["limit", "json"]]);
  // an optional value is only taken where there would be too many words
  assertEquals(read("--worse", "a", "b"), [["a", "b"], { worse: "" }, ["worse"]]);
  assertEquals(read("a", "--worse", "x", "b"), [["a", "b"], { worse: "x" }, ["worse"]]);
  assertThrows(() => read("--limit"), RangeError, "--limit without a value");
  assertThrows(() => read("--json=1"), RangeError, "takes no value");
  assertThrows(() => read("a", "b", "c"), RangeError, "3 words");
  assertEquals(wholeNumber(parseArguments(["--limit=3"], known), "limit"), 3);
  for (const wrong of ["-1", "x", "1.5", "", "1e3"]) {
    const given = parseArguments([`--limit=${wrong}`], known);
    assertThrows(() => wholeNumber(given, "limit"), RangeError, "as a whole number");
  }
});

Deno.test("portNumber() takes 0 to 65535, and names what is larger", () => {
  const of = (text: string) => portNumber(parseArguments(["--port", text], { "port N": "" }), 1);
  assertEquals([of("0"), of("65535"), portNumber(parseArguments([], {}), 8090)], [0, 65535, 8090]);
  assertThrows(() => of("70000"), RangeError, "Cannot listen at port 70000: the largest is 65535");
  assertThrows(() => of("-1"), RangeError, "Cannot read --port as a whole number >= 0: current value is -1");
});
