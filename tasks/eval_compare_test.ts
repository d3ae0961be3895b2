import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { rowsText } from "../tests/helpers/evaluation_run.ts";
import { taskHere } from "../tests/helpers/task_here.ts";
import { cardOfRun } from "./eval/judge_card/card_of_run.ts";
import { compareDirectories } from "./eval/compare/compare.ts";
import { comparisonText } from "./eval/report/comparison.ts";
import { judgeCardText, nothingAgreedText } from "./eval/report/judge_card_text.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { evalTask, evaluateFile, exitCode } from "./eval.ts";
import { silentProgress } from "./train/outputs/mod.ts";
import { inNewFolder } from "./_eval_runs.ts";

Deno.test("evaluateFile(), compareDirectories() and cardOfRun(): exit codes, flipped items, agreement", async () => {
  await inNewFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(9));
    await Deno.writeTextFile(
      join(folder, "answers.jsonl"),
      Array.from({ length: 9 }, (_, i) => JSON.stringify({ id: `row-${i}`, response: `answer ${i}` })).join(
        "\n",
      ),
    );
    const verdicts = (name: string, of: (i: number, c: number) => number) =>
      Deno.writeTextFile(
        join(folder, name),
        Array.from({ length: 9 }, (_, i) =>
          JSON.stringify({
            id: `row-${i}`,
            scores: Array.from({ length: 1 + i % 3 }, (_, c) => of(i, c)),
          })).join("\n"),
      );
    await verdicts("kind.jsonl", () => 1);
    await verdicts("strict.jsonl", (i, c) => i < 3 && c === 0 ? 0 : 1);
    const yaml = join(folder, "eval.yaml");
    await Deno.writeTextFile(
      yaml,
      "evaluator:\n  type: rows\n  dataset: {args: {url: rows.jsonl}}\n  model: {type: recorded, args: {path: answers.jsonl}}\n" +
        "  judge: {type: recorded, args: {path: kind.jsonl}}\n  cache: false\n  out_dir: x\n",
    );
    const options = { say: () => {}, progress: silentProgress() };
    const go = (dir: string, ...more: string[]) =>
      evaluateFile(yaml, [`out_dir=${join(folder, dir)}`, ...more], options);
    assertEquals(exitCode(await go("a")), 0);
    const strict = `judge={type: recorded, args: {path: ${JSON.stringify(join(folder, "strict.jsonl"))}}}`;
    assertEquals(exitCode(await go("b", strict, "threshold=0.6")), 0);
    assertEquals(exitCode(await go("b", strict, "threshold.followed=0.7")), 3);

    const comparison = await compareDirectories(join(folder, "a"), join(folder, "b"), builtinRegistry());
    const text = comparisonText(comparison, 100);
    assertStringIncludes(text, "3 : 0");
    assertStringIncludes(text, "3 items worse in B: row-0, row-1, row-2");
    assertStringIncludes(text, "note: the judges differ");
    assertAlmostEquals(comparison.scores[0]!.difference!, -1 / 3, 1e-12);
    const { onlyFirst, onlySecond, p } = comparison.scores[0]!.mcnemar!;
    assertEquals([onlyFirst, onlySecond, p.toFixed(9)], [3, 0, "0.250000000"]);

    // of 18 constraints the kind judge calls 3 met that the strict one doesn't
    const card = (dir: string, reference?: string) =>
      cardOfRun(join(folder, dir), builtinRegistry(), { reference });
    const made = (await card("a", join(folder, "strict.jsonl"))).agreement!;
    assertEquals([made.constraints, made.accuracy, made.tooKind, made.tooStrict], [18, 15 / 18, 3 / 18, 0]);
    assertEquals((await card("b", join(folder, "a"))).agreement!.tooStrict, 3 / 18);
    // a reference that judges none of the constraints is told, not a card of dashes that ends well
    await Deno.writeTextFile(join(folder, "none.jsonl"), '{"id": "row-0", "scores": [null]}\n');
    const empty = await card("a", join(folder, "none.jsonl"));
    assertStringIncludes(nothingAgreedText(empty) ?? "", "Nothing compared: of 18 constraints");
    assertEquals(nothingAgreedText(await card("a", join(folder, "strict.jsonl"))), null);
    assertEquals(await evalTask(["card", join(folder, "a"), `reference=${join(folder, "none.jsonl")}`]), 2);
    assertStringIncludes(judgeCardText(await card("b")), "# Judge card: recorded");

    await Deno.writeTextFile(join(folder, "answers.jsonl"), '{"id": "row-0", "response": "only one"}\n');
    const partial = await go("c");
    assertEquals([exitCode(partial), partial.results!.counts.unanswered], [2, 8]);
  });
});

Deno.test("eval compare exits with 2 where no item has a score in both runs, and says which rows and benchmarks it can't pair", async () => {
  await inNewFolder(async (folder) => {
    const go = async (dir: string, type: string, rule: string, id = 1) => {
      const row = { id, prompt: "Say hello.", constraints: [{ text: "small letters", rule: { id: rule } }] };
      await Deno.writeTextFile(join(folder, `${dir}.jsonl`), JSON.stringify(row));
      await Deno.writeTextFile(
        join(folder, "answers.jsonl"),
        '{"prompt": "Say hello.", "response": "hello"}',
      );
      await Deno.writeTextFile(
        join(folder, "eval.yaml"),
        `evaluator:\n  type: ${type}\n  args: {path: ${dir}.jsonl}\n  cache: false\n  out_dir: x\n` +
          "  model: {type: recorded, args: {path: answers.jsonl}}\n" +
          (type === "rows" ? "  judge: {type: rules}\n" : ""),
      );
      const quiet = { say: () => {}, progress: silentProgress() };
      await evaluateFile(join(folder, "eval.yaml"), [`out_dir=${join(folder, dir)}`], quiet);
    };
    await go("scored", "constraints", "case:lower");
    await go("unscored", "constraints", "case:lowr");
    await go("elsewhere", "constraints", "case:lower", 2);
    await go("rows", "rows", "case:lower");
    const compare = async (...args: string[]) => {
      const [a, b, ...flags] = args;
      const { code, out } = await taskHere(() =>
        evalTask(["compare", join(folder, a!), join(folder, b!), ...flags])
      );
      return { code, out: out.replaceAll(/\s+/g, " ") };
    };
    const gate = "--fail-if-worse";
    assertEquals((await compare("scored", "scored", gate)).code, 0);
    const nothing = await compare("unscored", "unscored", gate);
    assertStringIncludes(nothing.out, "Nothing compared: no item has a score followed in both runs");
    assertEquals(nothing.code, 2, nothing.out);
    const gained = await compare("unscored", "scored");
    assertStringIncludes(gained.out, "the judges differ: both are rules, with other options, rows, prompts");
    assertEquals(gained.code, 2);
    // with misses counted that is worse
    assertEquals((await compare("scored", "unscored", gate)).code, 3);
    const other = await compare("scored", "elsewhere");
    assertStringIncludes(
      other.out,
      "1 item in the first and 1 in the second, all of other ids; evaluate both",
    );
    assertEquals(other.code, 1);
    const benchmarks = await compare("scored", "rows");
    assertStringIncludes(benchmarks.out, "constraints and rows; name two runs of one benchmark");
    assertEquals(benchmarks.code, 1);
  });
});
