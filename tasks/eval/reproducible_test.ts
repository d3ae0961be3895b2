/**
 * Two runs of the same file give the same bytes but for times, however many requests are under way and whichever answer comes first:
 * benchmarks judged by a model, rules, answers of a file and of this project's engine; so does what is made of two runs.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { inFolder, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { errorResponse } from "../../tests/helpers/mocked_judge.ts";
import { completionResponse, mockServer } from "../bench/eval/mock_server.ts";
import { compareDirectories } from "./compare/compare.ts";
import { resolveEvalConfig } from "./config/config.ts";

const shipped = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const goldens = (name: string) =>
  JSON.parse(Deno.readTextFileSync(shipped(`fixtures/goldens/evaluations/${name}.json`))).rows;

/** Texts of a run's files that hold scores, without times and its folder. */
function writtenBy(folder: string): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { name } of Deno.readDirSync(folder)) {
    if (name === "items.jsonl" || !/\.(json|md|html|xml)$/.test(name)) continue;
    texts[name] = Deno.readTextFileSync(join(folder, name))
      .replaceAll(folder, "FOLDER")
      .replaceAll(/"seconds": [\d.e-]+|\b\d+\.\d s(?![a-z])|"concurrency":\d+| time="[\d.]+"/gm, "TIME");
  }
  return texts;
}

/** A run by the file, so many requests at once. */
async function runBy(folder: string, text: string, concurrency: number): Promise<string> {
  const out = join(folder, `at_once_${concurrency}`);
  const { config } = resolveEvalConfig(parseYaml(text, join(folder, "eval.yaml")), [
    `out_dir=${out}`,
    `concurrency=${concurrency}`,
    "cache=false",
    "formats=[junit]",
    "resamples=200",
    "max_retries=0",
  ]);
  await runConfig(config);
  return out;
}

async function assertRepeats(folder: string, text: string): Promise<string> {
  const [one, many] = [await runBy(folder, text, 1), await runBy(folder, text, 8)];
  const [first, second] = [writtenBy(one), writtenBy(many)];
  assertEquals(Object.keys(first).length, 5, Object.keys(first).join(" "));
  for (const [name, written] of Object.entries(first)) {
    // the first line that differs says more than two whole files
    const lines = (second[name] ?? "").split("\n"), expected = written.split("\n");
    const differing = expected.findIndex((line, i) => line !== lines[i]);
    assertEquals([name, lines.length, lines[differing]], [name, expected.length, expected[differing]]);
  }
  return one;
}

for (const type of ["trace", "cfbench"] as const) {
  Deno.test(`runs of ${type} with one and with eight requests at once write the same scores and reports, errors included`, async () => {
    const rows = goldens(type);
    await inFolder(async (folder) => {
      await Deno.writeTextFile(
        join(folder, "rows.jsonl"),
        rows.map((row: unknown) => JSON.stringify(row) + "\n").join(""),
      );
      const asked = new Map(
        rows.map((
          row: { prompt?: string; messages?: { content: string }[] },
          i: number,
        ) => [row.prompt ?? row.messages!.at(-1)!.content, i]),
      );
      await using server = mockServer({
        respond: async ({ body, index }) => {
          // the later ones of a few come first
          await new Promise((resolve) => setTimeout(resolve, [9, 1, 4, 0][index % 4]));
          const text = body.messages.at(-1)!.content, judged = /answer of row (\d+) by (\w+)\./.exec(text);
          const i = Number(judged?.[1] ?? asked.get(text)), { answered, reply } = rows[i];
          if (judged === null) {
            if (!answered) return errorResponse(i % 2 === 0 ? 400 : 500, "this one isn't taken");
            return completionResponse(`The answer of row ${i} by ${body.model}.`);
          }
          return reply === null ? errorResponse(400, "this one isn't taken") : completionResponse(reply);
        },
      });
      const party = (name: string) =>
        `{type: openai, args: {name: ${name}, api_base: "${server.base}", key: none}}`;
      const text = (model: string) =>
        `evaluator: {type: ${type}, args: {path: rows.jsonl, rounds: 1}, model: ${
          party(model)
        }, evaluator_llm: ${party("grader")}}`;
      const a = await assertRepeats(folder, text("writer"));
      const other = join(folder, "other");
      await Deno.mkdir(other);
      const b = await runBy(other, text("author").replace("rows.jsonl", join(folder, "rows.jsonl")), 8);
      const compared = () => compareDirectories(a, b, builtinRegistry());
      assertEquals(await compared(), await compared());
    });
  });
}

Deno.test("runs of ifeval over a file's answers write the same scores and reports", async () => {
  await inFolder(async (folder) => {
    const answers = JSON.stringify(shipped("fixtures/ifeval/gpt4_responses.jsonl.gz"));
    await assertRepeats(
      folder,
      `evaluator: {type: ifeval, max_samples: 40, model: {type: recorded, args: {path: ${answers}}}}`,
    );
  });
});

Deno.test("runs of the engine, sampled with a seed, one answer at a time and eight, write the same answers, scores and reports", async () => {
  await inFolder(async (folder) => {
    const model = JSON.stringify(shipped("fixtures/goldens/llamafactory/model"));
    const text = (seed: number) =>
      `evaluator: {type: constraints, max_samples: 12, model: {type: local, args: {model: ${model}, template: qwen, backend: onnx, name: tiny}, ` +
      `run_args: {temperature: 1, max_tokens: 12, seed: ${seed}}}}`;
    const out = await assertRepeats(folder, text(1));
    const other = join(folder, "other");
    await Deno.mkdir(other);
    assertNotEquals(
      writtenBy(await runBy(other, text(2), 8))["constraints_tiny.json"],
      writtenBy(out)["constraints_tiny.json"],
    );
  });
});
