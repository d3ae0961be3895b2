import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";

import { definePlugin, type Plugin } from "./kinds/plugin.ts";
import { Registry } from "./registry.ts";
import { didYouMean } from "../formats/did_you_mean.ts";

const Options = z.strictObject({
  beta: z.number().positive().default(0.1).describe("scale of the rewards"),
  mode: z.enum(["a", "b"]).default("a").describe("which"),
});

function model(name: string): Plugin<"model", typeof Options> {
  return definePlugin({
    kind: "model",
    name,
    version: "1",
    description: "A family for tests",
    options: Options,
    create: (options) => ({
      modelType: `${name} ${options.beta}`,
      parse() {
        throw new RangeError("not used");
      },
    }),
  });
}

function registry(...names: string[]): Registry {
  const made = new Registry();
  for (const name of names) made.define(model(name), "built-in");
  return made;
}

Deno.test("create() gives the product with defaults filled in", () => {
  assertEquals(registry("llama").create("model", "llama").modelType, "llama 0.1");
  assertEquals(registry("llama").create("model", "llama", { beta: 2 }).modelType, "llama 2");
});

Deno.test("create() names the path of an option that doesn't fit", () => {
  const r = registry("llama");
  assertStringIncludes(
    assertThrows(() => r.create("model", "llama", { beta: -1 }), TypeError).message,
    "beta:",
  );
  const unknown = assertThrows(() => r.create("model", "llama", { betta: 1 }), TypeError);
  assertStringIncludes(unknown.message, 'unknown option betta - did you mean "beta"? (known: beta, mode)');
});

Deno.test("define() refuses a taken name and names both sources", () => {
  const r = registry("llama");
  const error = assertThrows(() => r.define(model("llama"), "./mine.ts"), RangeError);
  assertStringIncludes(error.message, "model/llama of ./mine.ts");
  assertStringIncludes(error.message, "taken by built-in");
});

Deno.test("define() refuses what isn't a plugin", () => {
  for (
    const [part, fault] of [
      [null, "must be an object"],
      [{ ...model("x"), kind: "los" }, "kind must be one of"],
      [{ ...model("x"), name: "My Model" }, "lower case"],
      [{ ...model("x"), version: "" }, "needs a version"],
      [{ ...model("x"), create: 1 }, "needs a function create"],
      [{ ...model("x"), options: {} }, "z.strictObject"],
    ] as const
  ) assertThrows(() => new Registry().define(part as unknown as Plugin, "./x.ts"), TypeError, fault);
});

Deno.test("create() of an unknown name lists the known and the nearest", () => {
  const error = assertThrows(() => registry("llama", "qwen2").create("model", "qwen"), RangeError);
  assertStringIncludes(error.message, 'did you mean "qwen2"');
  assertStringIncludes(error.message, "llama, qwen2");
});

Deno.test("list() shows options with type, default and description", () => {
  const [entry] = registry("llama").list();
  assert(entry);
  assertEquals(entry.source, "built-in");
  assertEquals(entry.options, [
    { name: "beta", type: "number", default: 0.1, description: "scale of the rewards" },
    { name: "mode", type: '"a" | "b"', default: "a", description: "which" },
  ]);
});

Deno.test("didYouMean() takes hyphens and case for near, and stays silent when nothing is", () => {
  assertEquals(didYouMean("learning-rate", ["learning_rate"]), ' - did you mean "learning_rate"?');
  assertEquals(didYouMean("LoRA_Rank", ["lora_rank"]), ' - did you mean "lora_rank"?');
  assertEquals(didYouMean("banana", ["lora_rank"]), "");
});

Deno.test("load() defines a plugin or a list of a module relative to the base", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const plugin = (name: string) =>
      `{ kind: "model", name: "${name}", version: "1", description: "", options, create: () => null }`;
    const head = `import { z } from "${import.meta.resolve("zod")}";\nconst options = z.strictObject({});\n`;
    await Deno.writeTextFile(`${folder}/one.ts`, `${head}export default ${plugin("one")};`);
    await Deno.writeTextFile(
      `${folder}/two.ts`,
      `${head}export default [${plugin("two")}, ${plugin("three")}];`,
    );
    await Deno.writeTextFile(`${folder}/none.ts`, `export const x = 1;`);
    const r = new Registry();
    assertEquals((await r.load("./one.ts", folder)).map((p) => p.name), ["one"]);
    await r.load(`${folder}/two.ts`);
    assertEquals(r.names("model"), ["one", "three", "two"]);
    assertEquals(r.list()[0]?.source, "./one.ts");
    await assertRejects(() => r.load("./none.ts", folder), TypeError, "default export must be a plugin");
    await assertRejects(
      () => r.load("./absent.ts", folder),
      TypeError,
      "Cannot load plugins from ./absent.ts",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
