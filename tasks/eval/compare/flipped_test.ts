import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { z } from "zod";

import { builtinRegistry } from "../../../plugins/builtins.ts";
import { contribute } from "../../../plugins/benchmarks/scores.ts";
import { definePlugin } from "../../../plugins/kinds/plugin.ts";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { inFolder } from "../../../tests/helpers/evaluation_run.ts";
import { resolveEvalConfig } from "../config/config.ts";
import { evaluate } from "../run.ts";
import { compareDirectories } from "./compare.ts";

/** Each word of an answer is a constraint's verdict. */
const verdicts = definePlugin({
  kind: "benchmark",
  name: "verdicts",
  version: "1",
  description: "Verdicts as answers",
  options: z.strictObject({}),
  create: () => ({
    async *items() {
      for (const id of ["same", "better"]) {
        const constraints = ["a", "b"].map((text) => ({ text, groups: {} }));
        const messages = [{ role: "user" as const, content: id }];
        yield await Promise.resolve({ id, messages, constraints, groups: {}, fields: {} });
      }
    },
    check: (_item, response) => {
      const constraints = response.split(" ").map((word) => ({ score: Number(word) }));
      return Promise.resolve({ constraints, overall: { score: null, reason: "none" }, raw: "" });
    },
    contributions: ({ judgement }) =>
      contribute("mean", judgement?.constraints ?? [{ score: null, reason: "no judgement" }]),
  }),
});

Deno.test("an item whose verdicts add up to the same isn't one that got better, whatever they round to", async () => {
  await inFolder(async (folder) => {
    const registry = builtinRegistry();
    registry.define(verdicts, "this test");
    const run = async (name: string, same: string, better: string) => {
      const out = join(folder, name), answers = join(folder, `${name}.jsonl`);
      const lines = [["same", same], ["better", better]].map(([id, response]) =>
        JSON.stringify({ id, response }) + "\n"
      );
      await Deno.writeTextFile(answers, lines.join(""));
      const yaml = parseYaml(
        `evaluator: { type: verdicts, model: { type: recorded, args: { path: ${
          JSON.stringify(answers)
        } } } }`,
        "eval.yaml",
      );
      await evaluate(resolveEvalConfig(yaml, [`out_dir=${out}`]).config, registry);
      return out;
    };
    // 0.1 + 0.2 is above 0.3 in the last place
    const [first, second] = [await run("a", "0.3 0", "0.3 0"), await run("b", "0.1 0.2", "0.1 0.21")];
    const { flipped } = await compareDirectories(first, second, registry);
    assertEquals(flipped, [{ id: "better", first: 0.15, second: 0.155 }]);
  });
});
