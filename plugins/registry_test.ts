import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";

import { definePlugin, type Plugin } from "./kinds/plugin.ts";
import { placed, placeUnder } from "./kinds/place.ts";
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
    "beta: a number > 0 is needed: current value is -1",
  );
  assertStringIncludes(
    assertThrows(() => r.create("model", "llama", { beta: "1" }), TypeError).message,
    'beta: a number is needed: current value is "1"',
  );
  const chosen = new Registry([
    {
      ...model("m"),
      options: z.strictObject({ dtype: z.enum(["bfloat16", "float32"]) }),
    } as unknown as Plugin,
  ]);
  assertStringIncludes(
    assertThrows(() => chosen.create("model", "m", { dtype: "bf16" }), TypeError).message,
    'current value is "bf16" - did you mean "bfloat16"?',
  );
  // what may be a key isn't shown
  const keyed = new Registry([
    { ...model("m"), options: z.strictObject({ api_key: z.number() }) } as unknown as Plugin,
  ]);
  assertEquals(
    assertThrows(() => keyed.create("model", "m", { api_key: "sk-1" }), TypeError).message.includes("sk-1"),
    false,
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
      [
        { ...model("x"), kind: "los" },
        'kind must be one of dataset, loss, trainer, judge, model, template, benchmark, endpoint: current value is "los" - did you mean "loss"?',
      ],
      [() => model("x"), "an object, as definePlugin({...}) gives: current value is a function"],
      [{ ...model("x"), name: "My Model" }, "lower case"],
      [{ ...model("x"), name: "" }, 'lower case letters, digits, "_", "-" and ".": current value is ""'],
      [
        { ...model("x"), version: "" },
        'needs a version, a text that isn\'t empty, such as "1": current value is ""',
      ],
      [{ ...model("x"), version: 1 }, 'a text that isn\'t empty, such as "1": current value is 1'],
      [{ ...model("x"), create: 1 }, "needs a function create"],
      [{ ...model("x"), options: { a: 1 } }, 'z.strictObject({...}): current value is {"a": 1}'],
      [
        { ...model("x"), options: z.object({ a: z.number() }) },
        "z.strictObject({...}), which refuses unknown ones: current value is an object schema that drops them",
      ],
      [{ ...model("x"), options: z.looseObject({}) }, "current value is an object schema that takes them"],
      [
        { ...model("x"), description: undefined },
        "model/x needs a description, a text: current value is missing",
      ],
      [
        { ...model("x"), aliases: "other" },
        'aliases as a list of texts, or nothing: current value is "other"',
      ],
      [{ ...model("x"), translate: {} }, "translate as a function, or nothing: current value is {}"],
      [
        { ...model("x"), aliasses: ["y"] },
        'nobody reads - did you mean "aliases"?: current value is "aliasses"; spell it "aliases", or leave it out',
      ],
    ] as const
  ) assertThrows(() => new Registry().define(part as unknown as Plugin, "./x.ts"), TypeError, fault);
});

Deno.test("create() of a name that another kind has says so", () => {
  const r = registry("llama");
  const builtIn = assertThrows(() => r.create("judge", "llama"), RangeError);
  assertStringIncludes(builtIn.message, 'the judge plugin "llama" (a model of that name): known are none');
  r.define(model("mine"), "./mine.ts");
  const own = assertThrows(() => r.create("loss", "mine"), RangeError);
  assertStringIncludes(own.message, 'the loss plugin "mine" (./mine.ts has a model of that name)');
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
    { name: "beta", type: "number", required: false, default: 0.1, description: "scale of the rewards" },
    { name: "mode", type: '"a" | "b"', required: false, default: "a", description: "which" },
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
    assertEquals([...r.sources()], ["./one.ts", `${folder}/two.ts`]);
    assertEquals([r.sourceOf("model", "three"), registry("llama").sourceOf("model", "llama")], [
      `${folder}/two.ts`,
      "built-in",
    ]);
    assertThrows(() => r.sourceOf("model", "four"), RangeError, "four");
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

const Named = z.strictObject({
  inner: z.string(),
  inner_options: z.record(z.string(), z.unknown()).default({}),
});

/** A judge that another judge gives its name to. */
const outer = definePlugin({
  kind: "judge",
  name: "outer",
  version: "1",
  description: "Asks another",
  options: Named,
  create: ({ inner, inner_options }, { registry, place }) =>
    placed(
      place("inner"),
      () => registry.create("judge", inner, inner_options, placeUnder(place, "inner_options")),
    ),
});
const inner = definePlugin({
  kind: "judge",
  name: "inner",
  version: "1",
  description: "Is asked",
  aliases: ["Inner-of-old"],
  options: Options,
  translate: ({ b, ...rest }) => ({ ...rest, ...(b !== undefined && { beta: b }) }),
  create: ({ beta }) => ({ scale: beta, judge: () => Promise.reject(new Error("not used")) }),
});

Deno.test("what a plugin's file throws while it is loaded, or while its product is made, has its line", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/loading.ts`,
      "const a: any = undefined;\n\n  a.b.c;\nexport default {};\n",
    );
    await Deno.writeTextFile(
      `${folder}/making.ts`,
      `import { z } from "${import.meta.resolve("zod")}";
export default {
  kind: "model", name: "m", version: "1", description: "", options: z.strictObject({}),
  create() {
    throw new Error("boom");
  },
};
`,
    );
    await Deno.writeTextFile(`${folder}/late.ts`, "export default Promise.resolve({});\n");
    const r = new Registry();
    await assertRejects(
      () => r.load("./loading.ts", folder),
      TypeError,
      "from ./loading.ts:3:5: Cannot read prop",
    );
    await r.load("./making.ts", folder);
    assertThrows(() => r.create("model", "m"), Error, "model/m of ./making.ts:5:11: boom");
    await assertRejects(() => r.load("./late.ts", folder), TypeError, "gives: current value is a Promise");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("create() hands the registry on, so that a plugin makes others by name, its own ones too", () => {
  const r = new Registry([outer]);
  r.define(inner, "./mine.ts");
  assertEquals(r.create("judge", "outer", { inner: "inner", inner_options: { beta: 3 } }).scale, 3);
});

Deno.test("create() begins errors with the innermost place that is known", () => {
  const r = new Registry([outer, inner]);
  const place = (...path: (string | number)[]) => `a.yaml: ${path.join(".")}`;
  const message = (options: Record<string, unknown>) =>
    assertThrows(() => r.create("judge", "outer", options, place), Error).message;
  assertStringIncludes(message({ inner: "x", iner: "y" }), "a.yaml: iner: Cannot make judge/outer");
  assertStringIncludes(message({ inner: "other" }), 'a.yaml: inner: Cannot find the judge plugin "other"');
  const nested = message({ inner: "inner", inner_options: { beta: -1 } });
  assertStringIncludes(nested, "a.yaml: inner_options.beta: Cannot make judge/inner");
  assertEquals(nested.match(/a\.yaml/g)?.length, 1);
});

Deno.test("an alias is another door to the same plugin, whose translate() reads the options", () => {
  const r = new Registry([outer, inner]);
  assertEquals(r.create("judge", "Inner-of-old", { b: 2 }).scale, 2);
  assertEquals([r.get("judge", "Inner-of-old").name, r.names("judge")], [
    "inner",
    ["inner", "outer", "Inner-of-old"],
  ]);
  assertEquals(r.list().map(({ name }) => name), ["inner", "outer"]);
  assertThrows(
    () => r.define({ ...inner, name: "third" }, "./x.ts"),
    RangeError,
    "judge/Inner-of-old of ./x.ts",
  );
});
