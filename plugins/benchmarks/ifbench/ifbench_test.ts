/** The benchmark on rows in the released format. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { resolveEvalConfig } from "../../../tasks/eval/config/config.ts";
import { runConfig } from "../../../tests/helpers/evaluation_run.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { builtinRegistry } from "../../builtins.ts";
import type { BenchmarkResult } from "../../kinds/benchmark.ts";
import { findScore, scoreResults } from "../scores.ts";

const TAGGER = fileURLToPath(new URL("../../../fixtures/goldens/ifbench/tagger", import.meta.url));
const ROWS = [
  { key: "0", prompt: "a", instruction_id_list: ["count:numbers"], kwargs: [{ N: 2.0, keyword: null }] },
  { key: "1", prompt: "b", instruction_id_list: ["words:start_verb"], kwargs: [{ N: null }] },
  {
    key: "2",
    prompt: "c",
    instruction_id_list: ["words:start_verb", "format:no_whitespace"],
    kwargs: [{}, {}],
  },
];
const ANSWERS = ["Sure:\n1 and 2", "Write it.", "Write it."];

const NAME = "averaged_perceptron_tagger_eng";

/** A folder with the tagger, some of its parts written otherwise. */
function copyOfTagger(otherwise: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder();
  for (const part of ["weights", "tagdict", "classes"]) {
    const name = `${NAME}.${part}.json`;
    Deno.writeTextFileSync(join(folder, name), otherwise[part] ?? Deno.readTextFileSync(join(TAGGER, name)));
  }
  return folder;
}

/** Scores of the answers, and the number of what has none. */
async function scoresOf(path: string, tagger?: string) {
  const benchmark = builtinRegistry().create("benchmark", "ifbench", {
    path,
    ...(tagger === undefined ? {} : { tagger }),
  });
  const results: BenchmarkResult[] = [];
  for await (const item of benchmark.items()) {
    const response = ANSWERS[results.length] ?? "";
    results.push({ item, response, judgement: await benchmark.check?.(item, response) ?? null });
  }
  const scores = scoreResults(benchmark, results);
  return (metric: string, by?: string, name?: string) => {
    const score = findScore(scores, metric, by, name);
    return [score?.value, score?.scored, score?.unscored];
  };
}

Deno.test("ifbench scores prompts and instructions, and leaves verbs unscored without a tagger", async () => {
  const path = join(temporaryFolder(), "rows.jsonl");
  await Deno.writeTextFile(path, ROWS.map((row) => JSON.stringify(row)).join("\n"));
  const without = await scoresOf(path);
  // the third prompt fails by its white space, whatever its first word is
  assertEquals(without("prompt/strict"), [0.5, 2, 1]);
  assertEquals(without("instruction/strict"), [0.5, 2, 2]);
  assertEquals(without("instruction/loose", "family", "count"), [1, 1, 0]);
  assertEquals(without("instruction/strict", "instruction", "words:start_verb"), [null, 0, 2]);
  const tagged = await scoresOf(path, TAGGER);
  assertEquals(tagged("prompt/strict"), [2 / 3, 3, 0]);
  assertEquals(tagged("instruction/strict", "instruction", "words:start_verb"), [1, 2, 0]);
});

Deno.test("ifbench takes a person's own rows only, and names a row's fault", async () => {
  assertThrows(() => builtinRegistry().create("benchmark", "ifbench", {}), Error, "path");
  const path = join(temporaryFolder(), "rows.jsonl");
  await Deno.writeTextFile(path, JSON.stringify({ ...ROWS[0], kwargs: [] }));
  await assertRejects(() => scoresOf(path), SyntaxError, "kwargs");
  await Deno.writeTextFile(path, JSON.stringify(ROWS[0]));
  const error = assertThrows(
    () => builtinRegistry().create("benchmark", "ifbench", { path, tagger: path }),
    RangeError,
    "weights.json as the weights of NLTK's tagger",
  );
  assertStringIncludes(error.message, "Name the folder");
  // nor are files that aren't a tagger's taken, before a model is asked anything
  const folder = copyOfTagger({ classes: "[]" });
  const items = builtinRegistry().create("benchmark", "ifbench", { path, tagger: folder }).items();
  await assertRejects(
    () => Array.fromAsync(items),
    RangeError,
    "tagger: the file: a list with an entry is needed",
  );
  // of many wrong numbers one is named
  const weights = JSON.stringify({ bias: Object.fromEntries([..."abc"].map((tag) => [tag, "1"])) });
  const other = builtinRegistry().create("benchmark", "ifbench", { path, tagger: copyOfTagger({ weights }) });
  await assertRejects(
    () => Array.fromAsync(other.items()),
    RangeError,
    'tagger: bias.a: a number is needed: current value is "1". Name the folder',
  );
});

Deno.test("other files of a tagger at the same place give other verdicts, of benchmark and judge", async () => {
  const folder = temporaryFolder(), tagger = copyOfTagger();
  await Deno.writeTextFile(join(folder, "rows.jsonl"), JSON.stringify(ROWS[1]));
  await Deno.writeTextFile(join(folder, "answers.jsonl"), JSON.stringify({ id: "1", response: "Write it." }));
  const score = async (judge = "") => {
    const text = `evaluator:
  type: ifbench
  args: { path: ${JSON.stringify(join(folder, "rows.jsonl"))}, tagger: ${JSON.stringify(tagger)} }
  model: { type: recorded, args: { path: ${JSON.stringify(join(folder, "answers.jsonl"))} } }
  out_dir: ${JSON.stringify(join(folder, `run${judge === "" ? "" : "-judge"}`))}
${judge}`;
    const { config } = resolveEvalConfig(parseYaml(text, "eval.yaml"), []);
    return (await runConfig(config)).results?.headline.value;
  };
  const judge = `  judge: { type: ifbench_rules, args: { tagger: ${JSON.stringify(tagger)} } }\n`;
  assertEquals([await score(), await score(judge)], [1, 1]);
  await Deno.writeTextFile(join(tagger, `${NAME}.tagdict.json`), '{"Write": "NN"}');
  assertEquals([await score(), await score(judge)], [0, 0]);
});
