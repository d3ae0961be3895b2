import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { z } from "zod";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import type { Benchmark } from "../../plugins/kinds/benchmark.ts";
import type { Judge } from "../../plugins/kinds/judge.ts";
import { productIdentity } from "../../plugins/kinds/product_identity.ts";
import { definePlugin } from "../../plugins/kinds/plugin.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { resolveEvalConfig } from "./config/config.ts";
import { Stopped } from "../ask/stopped.ts";
import { isTold } from "../../plugins/kinds/plugin_fault.ts";
import { named, pluginFault, withNamedFaults } from "./plugin_fault.ts";
import { evaluate } from "./run.ts";

const boom = () => {
  throw new RangeError("boom");
};
const item = {
  id: "r7",
  messages: [{ role: "user" as const, content: "q" }],
  constraints: [],
  groups: {},
  fields: {},
};
const scored = { constraints: [], overall: { score: 1 }, raw: "" };
const whole: Benchmark = {
  async *items() {
    yield await Promise.resolve(item);
  },
  check: () => Promise.resolve(scored),
  contributions: ({ judgement }) => [{ metric: "m", value: judgement && 1, weight: 1 }],
};

/** The message with which a run ends whose benchmark, and perhaps judge, are these. */
async function messageOf(benchmark: Benchmark, judge?: Judge): Promise<string> {
  let message = "";
  await inFolder(async (folder) => {
    const registry = builtinRegistry();
    const options = z.strictObject({});
    const base = { version: "1", description: "d", options };
    registry.define(
      definePlugin({ ...base, kind: "benchmark", name: "mine", create: () => benchmark }),
      "a test",
    );
    if (judge) {
      registry.define(
        definePlugin({ ...base, kind: "judge", name: "strict", create: () => judge }),
        "a test",
      );
    }
    registry.define(
      definePlugin({
        ...base,
        kind: "endpoint",
        name: "echo",
        create: () => ({
          model: "echo",
          complete: () =>
            Promise.resolve({ outcome: "stop", text: "a", promptTokens: 1, completionTokens: 1 }),
          close: () => Promise.resolve(),
        }),
      }),
      "a test",
    );
    const text = `evaluator: { type: mine, ${
      judge ? "judge: { type: strict }, " : ""
    }model: { type: echo }, cache: false }`;
    const { config } = resolveEvalConfig(parseYaml(text, "eval.yaml"), [`out_dir=${join(folder, "run")}`]);
    try {
      await evaluate(config, registry, {});
    } catch (error) {
      message = (error as Error).message;
    }
  });
  return message;
}

Deno.test("what a plugin throws is reported with the plugin's name and its item", async () => {
  assertEquals(await messageOf(whole), "");
  assertEquals(await messageOf({ ...whole, check: boom }), 'benchmark/mine of a test, item "r7": boom');
  assertEquals(
    await messageOf({ ...whole, check: () => Promise.reject("boom") }),
    'benchmark/mine of a test, item "r7": boom',
  );
  assertEquals(
    await messageOf({ ...whole, contributions: boom }),
    'benchmark/mine of a test, item "r7": boom',
  );
  assertEquals(await messageOf(whole, { scale: 1, judge: boom }), 'judge/strict of a test, item "r7": boom');
  assertStringIncludes(await messageOf({ ...whole, items: boom }), "benchmark/mine of a test: boom");
  const late: Benchmark = {
    ...whole,
    async *items() {
      yield await Promise.resolve(item);
      boom();
    },
  };
  assertEquals(await messageOf(late), "benchmark/mine of a test: boom");
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

Deno.test("pluginFault() puts plugin and item in front, also of what isn't an error; stops pass as they are", () => {
  const message = (error: unknown) => (pluginFault("judge/mine", "row-3", error) as Error).message;
  assertEquals(message(new Error("boom")), 'judge/mine, item "row-3": boom');
  assertEquals(message("boom"), 'judge/mine, item "row-3": boom');
  const stopped = new Stopped("budget", "spent");
  assertEquals(pluginFault("judge/mine", "row-3", stopped), stopped);
});

Deno.test("isTold() tells our messages from those of the JavaScript engine, which begin alike", () => {
  const nothing = undefined as unknown as { name: { first: string } };
  const works = [() => nothing.name, () => (nothing.name.first = "x"), () => {
    const { name } = nothing;
    return name;
  }, () => 1n + (1 as unknown as bigint)];
  for (const work of works) assertEquals(isTold(thrownBy(work)), false, String(thrownBy(work)));
  assertEquals(isTold(new RangeError("rows.jsonl:3:1: Cannot read row 3 as JSON")), true);
  assertEquals(isTold(new TypeError("Cannot read rows.jsonl as benchmark rows: a field is missing")), true);
  assertEquals(isTold(new Error("boom")), false);
  for (
    const more of [
      () => Object.defineProperty(Object.freeze({}), "a", {}),
      () => (Object.freeze({ a: 1 }) as { a: number }).a = 2,
      () => delete (Object.freeze({ a: 1 }) as { a?: number }).a,
      () => Object.keys(nothing),
      () => BigInt(undefined as unknown as string),
      () => `${Symbol("a") as unknown as string}`,
      () => (({ name }) => name)(nothing),
      () => +(1n as unknown as number),
    ]
  ) assertEquals(isTold(thrownBy(more)), false, String(thrownBy(more)));
  // words of ours that name what the engine's do
  for (
    const ours of [
      "Cannot read rows.jsonl:1 row 0 as a benchmark row: id: a text or a number is needed: current value is null",
      "Cannot read rows.jsonl:1 row 0 as a benchmark row: the row: a map is needed: current value is 3",
      "Cannot set max_len as a property is needed: current value is undefined",
    ]
  ) assertEquals(isTold(new TypeError(ours)), true, ours);
});

Deno.test("withNamedFaults() keeps what the benchmark was made by, so that another version is judged again", () => {
  const made = builtinRegistry().create("benchmark", "ifeval");
  assertEquals(productIdentity(made).length > 0, true);
  assertEquals(productIdentity(withNamedFaults("ifeval", made)), productIdentity(made));
});

Deno.test("named(): what a plugin throws while it is made carries its name, what is told in our words stays", () => {
  const thrown = (error: Error) => () =>
    named("judge/mine", () => {
      throw error;
    });
  assertEquals(named("judge/mine", () => 7), 7);
  assertThrows(thrown(new TypeError("cannot create")), Error, "judge/mine: cannot create");
  const placed = assertThrows(thrown(new TypeError("e.yaml:8:3: cannot create")), Error);
  assertEquals(placed.message, "e.yaml:8:3: judge/mine: cannot create");
  const told = assertThrows(thrown(new RangeError("Cannot judge: a key is needed")), RangeError);
  assertEquals(told.message, "Cannot judge: a key is needed");
});
