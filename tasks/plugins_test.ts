import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { builtinPlugins } from "../plugins/builtins.ts";
import { chosenPlugins, overviewText, plugins, pluginsText } from "./plugins.ts";

Deno.test("pluginsText() says which options must be given as their schemas do: of every built-in plugin", async () => {
  const entries = await plugins();
  const text = pluginsText(entries);
  assertStringIncludes(text, "also called vllm");
  for (const plugin of builtinPlugins()) {
    const entry = entries.find(({ kind, name }) => kind === plugin.kind && name === plugin.name);
    for (const { name, type, required, default: value } of entry?.options ?? []) {
      const isOptional = plugin.options.shape[name]?.safeParse(undefined).success;
      assertEquals(required, !isOptional, `${plugin.kind}/${plugin.name} ${name}`);
      const need = required ? "must be given" : value === undefined ? "may be left out" : "default ";
      assertStringIncludes(text, `      ${name}: ${type}, ${need}`);
    }
  }
  assertStringIncludes(text, "      thought_tags: list of [string, string], default ");
  assert(!text.includes("list of anything"), "the places of a pair are told");
});

Deno.test("plugins() of a folder names no key of a training, which the file may not be of", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/config.json`, "{}");
    const { message } = await assertRejects(() => plugins(folder), RangeError);
    assertEquals(message, `Cannot read ${folder} as a YAML file of settings: it is a folder`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plugins() lists built-in plugins and those of a file, with options, defaults and source", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = (await Deno.readTextFile(new URL("../examples/plugins/my_loss.ts", import.meta.url)))
      .replaceAll(
        /from "(\.[^"]+)"/g,
        (_, path) => `from "${new URL(path, new URL("../examples/plugins/", import.meta.url)).href}"`,
      );
    await Deno.writeTextFile(`${folder}/my_loss.ts`, text);
    await Deno.writeTextFile(
      `${folder}/t.yaml`,
      "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\nplugins: [./my_loss.ts]\n",
    );
    const notes: string[] = [];
    const entries = await plugins(`${folder}/t.yaml`, [], (line) => notes.push(line));
    assertStringIncludes(notes.join(), `plugins: the code of ${folder}/my_loss.ts is run`);
    assert(
      entries.some(({ kind, name, source }) => kind === "loss" && name === "iopo" && source === "built-in"),
    );
    assert(entries.some(({ source }) => source === `${folder}/my_loss.ts`));
    assertStringIncludes(pluginsText(entries), "beta: number, default 0.1");
    // without a word that chooses: one's own options alone
    const overview = overviewText(entries);
    assertEquals(overview.match(/^ {6}(?!also)\w+: .*$/gm)?.length, 2, overview);
    assertStringIncludes(overview, "      gamma: number");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("overviewText() is a line a plugin and one for its other names; options that are another's are told once", async () => {
  const entries = await plugins(), lines = overviewText(entries).split("\n");
  for (const { kind, name, version } of entries) {
    assertEquals(
      lines.filter((line) => line.startsWith(`  ${name} ${version} `)).length >= 1,
      true,
      `${kind}/${name}`,
    );
  }
  assertEquals(lines.filter((line) => line.startsWith("      ") && !line.includes("also called ")), []);
  const templates = pluginsText(chosenPlugins(entries, "template"));
  assertStringIncludes(templates, "      options as alpaca's\n");
  assertEquals(templates.match(/^ {6}default_system: /gm)?.length, 1);
});

Deno.test("plugins() takes an evaluator's file too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const zod = import.meta.resolve("zod");
    await Deno.writeTextFile(
      `${folder}/mine.ts`,
      `import { z } from "${zod}";
export default { kind: "endpoint", name: "mine", version: "1", description: "x", options: z.strictObject({}), create: () => ({}) };`,
    );
    await Deno.writeTextFile(
      `${folder}/e.yaml`,
      "evaluator:\n  type: ifeval\n  model: {type: mine}\n  plugins: [./mine.ts]\n",
    );
    const entries = await plugins(`${folder}/e.yaml`);
    assert(
      entries.some(({ kind, name, source }) =>
        `${kind}/${name}` === "endpoint/mine" && source === `${folder}/mine.ts`
      ),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("chosenPlugins() takes a kind, a name, an alias or kind/name, and hints at the nearest", async () => {
  const entries = await plugins();
  const chosen = (word: string) => chosenPlugins(entries, word).map(({ kind, name }) => `${kind}/${name}`);
  assertEquals(
    chosen("loss"),
    builtinPlugins().filter(({ kind }) => kind === "loss").map(({ name }) => `loss/${name}`).sort(),
  );
  assertEquals(chosen("iopo"), ["dataset/iopo", "loss/iopo"]);
  assertEquals(chosen("loss/iopo"), ["loss/iopo"]);
  assertEquals(chosen("vllm"), ["endpoint/openai"]);
  assertThrows(() => chosen("los"), RangeError, 'Cannot list plugins of "los" - did you mean "loss"?');
});
