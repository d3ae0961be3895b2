import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Arrow,
  importFaults,
  loadedWith,
  partsOfTests,
  readArrows,
  sourceFiles,
} from "./helpers/imports.ts";

const arrows = await readArrows();

Deno.test("imports point one way and no files or rooms import each other in a circle", () => {
  assertEquals(importFaults(arrows), []);
});

Deno.test("readArrows() sees imports of values and types", () => {
  const has = (from: string, to: string) => arrows.some((arrow) => arrow.from === from && arrow.to === to);
  assertEquals(
    [
      has("tasks/train.ts", "tasks/train/prepare.ts"),
      has("plugins/kinds/trainer.ts", "plugins/kinds/loss.ts"),
    ],
    [true, true],
  );
});

Deno.test("the built-in plugins load without OpenAI's library and without the engines", () => {
  const loaded = loadedWith("plugins/builtins.ts", arrows);
  const paths = [
    "plugins/endpoints/openai.ts",
    "plugins/endpoints/openai/errors.ts",
    "plugins/endpoints/local.ts",
    "plugins/endpoints/local/open.ts",
    "kernels/engine/generate/generator.ts",
    "plugins/trainers/local/local.ts",
    "plugins/trainers/local/run.ts",
    "plugins/trainers/torch/engine.ts",
  ];
  assertEquals(paths.map((path) => loaded.has(path)), [true, false, true, false, false, true, false, false]);
});

const PLANTED: [string, string, string][] = [
  ["kernels/ops/norms/rms_norm.ts", "kernels/engine/packs/pack.ts", "kernels/engine to kernels"],
  ["kernels/backends/onnx/mod.ts", "kernels/engine/engine.ts", "kernels/engine to kernels"],
  ["formats/gguf/mod.ts", "kernels/kernel.ts", "formats use only formats"],
  ["kernels/engine/decoder/rope.ts", "plugins/models/llama.ts", "tasks to plugins"],
  ["plugins/losses/dpo.ts", "tasks/train/config/mod.ts", "tasks to plugins"],
  ["plugins/kinds/loss.ts", "plugins/losses/dpo.ts", "imports no plugin"],
  ["plugins/endpoints/local.ts", "plugins/templates/mod.ts", "by its contract"],
  ["tasks/train.ts", "tests/helpers/temporary_folder.ts", "shows or checks"],
  [
    "kernels/engine/engine_test.ts",
    "kernels/ops/products/_product.ts",
    "begins with _ is imported only from its folder",
  ],
];

for (const [from, to, rule] of PLANTED) {
  Deno.test(`importFaults() names ${from} and ${to} when the one imports the other`, () => {
    const [fault = ""] = importFaults([{ from, to }]);
    assertStringIncludes(fault, `${from} imports ${to}`);
    assertStringIncludes(fault, rule);
  });
}

Deno.test("importFaults() finds circles of files and of rooms, at any depth", () => {
  const circle = (...paths: string[]): Arrow[] =>
    paths.map((from, i) => ({ from, to: paths[(i + 1) % paths.length] ?? from }));
  assertEquals(importFaults(circle("formats/gguf/a.ts", "formats/gguf/b.ts", "formats/gguf/c.ts")), [
    "a circle of files: formats/gguf/a.ts → formats/gguf/b.ts → formats/gguf/c.ts",
  ]);
  const rooms = importFaults([
    { from: "tasks/train/a.ts", to: "tasks/eval/b.ts" },
    { from: "tasks/eval/c.ts", to: "tasks/train/d.ts" },
  ]);
  assertEquals(rooms.length, 1);
  assertStringIncludes(rooms[0] ?? "", "tasks/train/a.ts imports tasks/eval/b.ts");
  const within = importFaults([
    { from: "tasks/eval/results/a.ts", to: "tasks/eval/store/b.ts" },
    { from: "tasks/eval/store/c.ts", to: "tasks/eval/run.ts" },
    { from: "tasks/eval/run.ts", to: "tasks/eval/results/d.ts" },
  ]);
  assertEquals(within.length, 1);
  assertStringIncludes(
    within[0] ?? "",
    "a circle of rooms: tasks/eval/results → tasks/eval/run.ts → tasks/eval/store",
  );
});

Deno.test("importFaults() leaves tests and what only tests use alone", () => {
  assertEquals(
    importFaults([{ from: "kernels/engine/_helper.ts", to: "plugins/models/mod.ts" }, {
      from: "kernels/engine/engine_test.ts",
      to: "kernels/engine/_helper.ts",
    }]),
    [],
  );
});

Deno.test("OpenAI's client, whose own retries are wrong above 60 s, is made by the endpoint and a bench only, without them", () => {
  const parts = partsOfTests(arrows);
  const files = sourceFiles().filter((path) =>
    /^(plugins|tasks|formats|kernels)\//.test(path) && !path.endsWith("_test.ts") && !parts.has(path)
  );
  const texts = files.map((path) =>
    [path, Deno.readTextFileSync(new URL(`../${path}`, import.meta.url))] as const
  );
  assertEquals(
    texts.filter(([, text]) => /new (OpenAI|Client)\(/.test(text) && !/maxRetries: 0/.test(text)),
    [],
  );
  assertEquals(
    texts.flatMap(([path, text]) => /from "openai"|import\("openai"\)/.test(text) ? [path] : []).sort(),
    ["plugins/endpoints/openai.ts", "tasks/bench/serve.ts"],
  );
});
