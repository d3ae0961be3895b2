import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { checkLossGradient, evaluateLoss } from "@dinotune/dinotune/losses";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { lossName, resolveTrainConfig } from "../../tasks/train/config/mod.ts";

async function registryWithMine() {
  const registry = builtinRegistry();
  const [plugin] = await registry.load("./my_loss.ts", import.meta.dirname!);
  assertEquals([plugin!.kind, plugin!.name], ["loss", "iopo_margin"]);
  return registry;
}

// R: x1y1 3, x1y2 -1, x2y1 4, x2y2 2, so that the difference is 3 + 2 + 1 - 4 = 2.
const ROW = {
  policy: { x1y1: -7, x1y2: -11, x2y1: -6, x2y2: -8 },
  reference: { x1y1: -10, x1y2: -10, x2y1: -10, x2y2: -10 },
  length: { x1y1: 1, x1y2: 1, x2y1: 1, x2y2: 1 },
};

Deno.test("a YAML with plugins, loss and loss_options makes the loss of my_loss.ts", async () => {
  const yaml = `
model_name_or_path: model
output_dir: out
do_train: true
dataset: quads
template: qwen
stage: iopo
plugins: [./my_loss.ts]
loss: iopo_margin
loss_options: { gamma: 2 }
`;
  const { config } = resolveTrainConfig(parseYaml(yaml, `${import.meta.dirname}/my.yaml`));
  const registry = builtinRegistry();
  for (const path of config.plugins) await registry.load(path, import.meta.dirname!);
  const { name, options } = lossName(config);
  assertEquals(registry.options("loss", name, options), { beta: 0.1, gamma: 2 });
  const loss = registry.create("loss", name, options);
  assertAlmostEquals(loss.initialLoss!, Math.log(1 + Math.exp(2)), 1e-14);
  const entry = registry.list().find((e) => e.name === "iopo_margin")!;
  assertEquals(entry.options.map((o) => [o.name, o.default]), [["beta", 0.1], ["gamma", 1]]);
});

Deno.test("my_loss.ts: value, gradient and metrics by hand", async () => {
  const registry = await registryWithMine();
  const [row] = evaluateLoss(registry.create("loss", "iopo_margin", { beta: 0.5, gamma: 3 }), [ROW]);
  // z = 0.5 * 2 - 3 = -2: loss log(1 + e^2) = 2.126928011042973, slope by z -1/(1 + e^-2).
  assertAlmostEquals(row!.loss, 2.126928011042973, 1e-14);
  const slope = -0.5 / (1 + Math.exp(-2));
  for (const [name, sign] of [["x1y1", 1], ["x2y2", 1], ["x1y2", -1], ["x2y1", -1]] as const) {
    assertAlmostEquals(row!.gradient[name]!, sign * slope, 1e-14, name);
  }
  assertEquals(row!.metrics, { "rewards/margins": 1, "rewards/accuracies": 0 });
});

Deno.test("my_loss.ts: gradients equal central differences, and gamma 0 is iopo", async () => {
  const registry = await registryWithMine();
  assertEquals(checkLossGradient(registry.create("loss", "iopo_margin")).unused, []);
  const [mine] = evaluateLoss(registry.create("loss", "iopo_margin", { gamma: 0 }), [ROW]);
  const [iopo] = evaluateLoss(registry.create("loss", "iopo"), [ROW]);
  assertEquals([mine!.loss, mine!.gradient], [iopo!.loss, iopo!.gradient]);
});

Deno.test("docs/plugins.md shows my_loss.ts as it is", () => {
  const read = (path: string) =>
    Deno.readTextFileSync(new URL(path, import.meta.url)).replaceAll("\r\n", "\n");
  const code = read("./my_loss.ts");
  assert(read("../../docs/plugins.md").includes("```ts\n" + code.slice(code.indexOf("import {")) + "```"));
});
