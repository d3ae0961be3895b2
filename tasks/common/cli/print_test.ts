import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { attributed } from "../../../plugins/kinds/plugin_fault.ts";
import { errorText } from "./print.ts";

Deno.test("errorText() says in words that nothing under /dev is open to a task", () => {
  const error = new Error('Requires all access to "/dev/shm/m", run again with the --allow-all flag');
  assertStringIncludes(
    errorText(error, false),
    "error: /dev/shm/m lies among the system's devices, and a task opens nothing under /dev, /proc and /sys: use another folder",
  );
});

Deno.test("errorText() says what a permission that the task lacks is for", () => {
  const of = (kind: string, what: string) =>
    errorText(
      new Error(`Requires ${kind} access to "${what}", run again with the --allow-${kind} flag`),
      false,
    );
  assertStringIncludes(
    of("sys", "cpus"),
    'error: the task has no permission to ask the system for "cpus", which needs --allow-sys',
  );
  assertStringIncludes(
    of("net", "a:1"),
    'no permission to reach or to listen at "a:1", which needs --allow-net: run it as deno.json',
  );
  assertStringIncludes(of("other", "x"), 'Requires other access to "x"');
});

Deno.test("errorText() has no stack trace unless asked", () => {
  const error = new RangeError("Cannot do x", { cause: new Error("why") });
  assertEquals(errorText(error, false), "error: Cannot do x");
  assert(errorText(error, true).includes("print_test.ts"));
  assertStringIncludes(errorText(error, true), "caused by: Error: why");
  assertStringIncludes(errorText(new Error("disk"), false), "DINOTUNE_DEBUG=1");
});

Deno.test("errorText() names the plugin that an error came from, once, behind the place in a file", () => {
  const plugin = "endpoint/mine of my.ts:3:1";
  const first = (error: Error) => errorText(error, false).split("\n")[0];
  assertEquals(first(attributed(new Error("boom"), plugin, false)), `error: ${plugin}: boom`);
  assertEquals(first(attributed(new Error("boom"), plugin, true)), `error: ${plugin}: boom`);
  const placed = attributed(new Error("boom"), plugin, false);
  placed.message = "e.yaml:5:3: boom";
  assertEquals(first(placed), `error: e.yaml:5:3: ${plugin}: boom`);
});

Deno.test("errorText() names the variable that shows more where an error is no words of ours, and not behind a plugin's name where it is", () => {
  const told = new RangeError("Cannot read rows.jsonl as rows: current value is 3");
  const wrapped = (cause: Error) => new Error(`benchmark/rows, item "a": ${cause.message}`, { cause });
  assertEquals(errorText(wrapped(told), false), `error: benchmark/rows, item "a": ${told.message}`);
  const fault = errorText(wrapped(new TypeError("x is not a function")), false);
  assertEquals(fault.endsWith("\nDINOTUNE_DEBUG=1 shows where it came from"), true, fault);
});
