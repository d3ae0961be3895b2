import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { pathToFileURL } from "node:url";
import { z } from "zod";

import { definePlugin } from "../../../plugins/kinds/plugin.ts";
import { Registry } from "../../../plugins/registry.ts";
import { readEvalConfig } from "../../eval/config/config.ts";
import { readTrainConfig } from "../../train/config/mod.ts";
import { loadPlugins, pluginPath, registryOf } from "./config_file.ts";
import { readOverride, textOverride } from "./override.ts";

Deno.test("readOverride() splits at the first =, types the value and tells quoted text apart", () => {
  assertEquals(readOverride("a.b=x=y", "k=1"), {
    key: "a.b",
    value: "x=y",
    text: "x=y",
    plain: true,
    place: "the argument a.b=x=y",
  });
  assertEquals([readOverride("lr=5e-6", "").value, readOverride('t="5"', "").plain], [5e-6, false]);
  for (const wrong of ["=3", "novalue", "a..b=1", ".a=1"]) {
    assertThrows(() => readOverride(wrong, "seed=1"), RangeError, "as key=value is needed, such as seed=1");
  }
});

Deno.test("readOverride() takes a whole name of a folder, whatever YAML would take for a comment or an anchor", () => {
  const valueOf = (text: string) => readOverride(`output_dir=${text}`, "").value;
  for (const name of ["runs/lora #2", "#2", "-a #b%20?c", "&b c", "a 模 #"]) {
    assertEquals(valueOf(name), name);
  }
  // no number with a comment: it is told as a text where a number is needed
  assertEquals(valueOf("3 #4"), "3 #4");
  for (const name of ["2024", "true", "a: b", "%x", "a #b", "- b", "plain"]) {
    assertEquals(readOverride(textOverride("k", name), "").value, name);
  }
  assertEquals(textOverride("k", "plain/a b"), "k=plain/a b");
  assertEquals([valueOf('"a #b" # c'), valueOf("[1, 2] # c"), valueOf("~")], ["a #b", [1, 2], null]);
});

Deno.test("pluginPath() makes paths absolute and leaves specifiers", () => {
  assertEquals(pluginPath("./x.ts", "/configs"), "/configs/x.ts");
  for (const kept of ["/x.ts", "npm:x@1", "https://example.org/x.ts", "jsr:@a/b", "file:///x.ts"]) {
    assertEquals(pluginPath(kept, "/configs"), kept);
  }
});

Deno.test("a start puts no plugin's options in words: all of them are a tenth of a second", async () => {
  let looked = 0;
  const options = z.strictObject({
    get a() {
      looked++;
      return z.number().default(1);
    },
  });
  const registry = new Registry([
    definePlugin({ kind: "model", name: "m", version: "1", description: "", options, create: () => null! }),
  ]);
  await loadPlugins(registry, [], "the argument plugins");
  assertEquals(looked, 0);
  registry.list();
  assert(looked > 0);
});

const PLUGIN = (name: string) =>
  `export default { kind: "model", name: "${name}", version: "1", description: "x", options: z.strictObject({}), create: () => ({}) };`;

Deno.test("a module that can't be loaded is reported with the place of `plugins`, in training and evaluation files alike", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const train = join(folder, "train.yaml"), evaluator = join(folder, "eval.yaml");
    await Deno.writeTextFile(
      train,
      "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\nplugins: [./no.ts]\n",
    );
    await Deno.writeTextFile(
      evaluator,
      "evaluator:\n  type: ifeval\n  model: {type: openai, args: {name: m}}\n  plugins: [./no.ts]\n",
    );
    const files = [[train, readTrainConfig(train), 6, 1], [
      evaluator,
      readEvalConfig(evaluator),
      4,
      3,
    ]] as const;
    for (const [file, { config, placeOf }, line, column] of files) {
      assertEquals(config.plugins, [join(folder, "no.ts")]);
      await assertRejects(
        () => registryOf(config.plugins, placeOf("plugins")),
        TypeError,
        `${file}:${line}:${column}: Cannot load plugins from ${join(folder, "no.ts")}`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugins() loads each module once, so that two runs may name the same one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const paths = ["one", "two"].map((name) => join(folder, `${name}.ts`));
    for (const path of paths) {
      const zod = JSON.stringify(import.meta.resolve("zod"));
      const name = pathToFileURL(path).href.endsWith("one.ts") ? "family-one" : "family-two";
      await Deno.writeTextFile(path, `import { z } from ${zod};\n${PLUGIN(name)}\n`);
    }
    const registry = await registryOf(paths.slice(0, 1), "");
    await loadPlugins(registry, [...paths, ...paths], "");
    assertEquals(registry.names("model").filter((name) => name.startsWith("family-")), [
      "family-one",
      "family-two",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugins() tells of a module that waits at its top level, and of no other", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const zod = JSON.stringify(import.meta.resolve("zod"));
    const plugin = (name: string) => `import { z } from ${zod};\n${PLUGIN(name)}\n`;
    const wait = "await new Promise((go) => setTimeout(go, 400));\n";
    await Deno.writeTextFile(`${folder}/late.ts`, wait + plugin("family-late"));
    await Deno.writeTextFile(`${folder}/prompt.ts`, plugin("family-prompt"));
    const said: string[] = [], options = { say: (line: string) => said.push(line), long: 100 };
    const registry = await registryOf([], "");
    await loadPlugins(registry, [`${folder}/late.ts`], "", options);
    assertEquals(said.map((line) => line.slice(0, line.indexOf(":", 6))), [
      `note: ${folder}/late.ts is still being loaded after 0.1 s`,
    ]);
    await loadPlugins(registry, [`${folder}/prompt.ts`], "", { ...options, long: 600_000 });
    assertEquals(said.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
