import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { errorText, parseArguments, usage } from "./_cli.ts";

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
  assertStringIncludes(unknown.message, 'did you mean "dry-run"');
  const key = assertThrows(() => parseArguments(["--learning-rate=1"], FLAGS), RangeError);
  assertStringIncludes(key.message, "keys are written learning_rate=VALUE");
  assertThrows(() => parseArguments(["a.yaml", "b.yaml"], FLAGS), RangeError, "a.yaml and b.yaml");
});

Deno.test("usage() names every flag", () => {
  const text = usage(["deno task train"], FLAGS);
  for (const [flag, what] of Object.entries(FLAGS)) {
    assertStringIncludes(text, `--${flag}`), assertStringIncludes(text, what);
  }
});

Deno.test("errorText() has no stack trace unless asked", () => {
  const error = new RangeError("Cannot do x", { cause: new Error("why") });
  assertEquals(errorText(error, false), "error: Cannot do x");
  assert(errorText(error, true).includes("_cli_test.ts"));
  assertStringIncludes(errorText(error, true), "caused by: Error: why");
  assertStringIncludes(errorText(new Error("disk"), false), "DINOTUNE_DEBUG=1");
});
