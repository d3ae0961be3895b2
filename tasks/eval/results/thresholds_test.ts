import { assertEquals, assertThrows } from "@std/assert";

import { exitCode } from "../../eval.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import { completionResponse, mockServer } from "../../bench/eval/mock_server.ts";
import { markdown } from "../report/markdown.ts";
import { endingLines } from "../ending_text.ts";
import { ScoreTable } from "./score_table.ts";
import { checkThreshold, compareThreshold, thresholdText } from "./thresholds.ts";

/** `met` of `of` items met, `unscored` more without a score. */
function table(met: number, of: number, unscored: number) {
  const scores = new ScoreTable();
  for (let i = 0; i < of + unscored; i++) {
    scores.add([{ metric: "followed", value: i < of ? (i < met ? 1 : 0) : null, weight: 1 }]);
  }
  return scores.scores(200, 0);
}

Deno.test("compareThreshold() counts what is unscored as misses: 1 of 20 scored and met isn't 0.9", () => {
  const [result] = compareThreshold({ threshold: { followed: 0.9 }, max_unscored: 0 }, table(1, 1, 19))!;
  assertEquals(result, {
    metric: "followed",
    limit: 0.9,
    value: 1 / 20,
    passed: false,
    items: 20,
    unscored: 19,
    unscoredAre: "misses",
  });
  assertEquals(
    thresholdText(result!),
    "followed is 0.0500, limit 0.9 (20 items, 19 unscored counted as misses)",
  );
  assertEquals(compareThreshold({ threshold: 0.95, max_unscored: 0 }, table(19, 19, 1))![0]!.passed, true);
});

Deno.test("compareThreshold() has no value where nothing is scored, and no limit is reached by it, 0 neither", () => {
  for (const max_unscored of [0, 5]) {
    for (const threshold of [0.1, 0]) {
      const [result] = compareThreshold({ threshold, max_unscored }, table(0, 0, 5))!;
      assertEquals([result!.value, result!.passed], [null, false]);
      assertEquals(thresholdText(result!), `followed has no score, limit ${threshold} (5 items, 5 unscored)`);
    }
  }
});

Deno.test("compareThreshold() leaves up to max_unscored out, as a number or a share; with more, all count", () => {
  const passed = (max_unscored: number, unscored: number) => {
    const [result] = compareThreshold({ threshold: 1, max_unscored }, table(18, 18, unscored))!;
    return [result!.passed, result!.unscoredAre];
  };
  assertEquals(passed(2, 2), [true, "left out"]);
  assertEquals(passed(2, 3), [false, "misses"]);
  assertEquals(passed(0.1, 2), [true, "left out"]); // 2 of 20
  assertEquals(passed(0.1, 3), [false, "misses"]); // 3 of 21
  assertEquals(passed(0, 1), [false, "misses"]);
});

Deno.test("checkThreshold() refuses unknown scores with the nearest name, and limits off the scale", () => {
  const scores = new Map([["IF", 1], ["IF-M", 1], ["overall", 10]]);
  const check = (threshold: number | Record<string, number>) =>
    checkThreshold({ threshold }, scores, (metric) => metric === "IFM" ? "eval.yaml:7:3" : "");
  check({ IF: 0, "IF-M": 1, overall: 7.5 });
  check(0.5);
  assertThrows(() => check({ IFM: 0.5 }), RangeError, 'eval.yaml:7:3: Cannot compare the score "IFM"');
  assertThrows(() => check({ IFM: 0.5 }), RangeError, 'did you mean "IF-M"?');
  assertThrows(
    () => check({ IF: 62 }),
    RangeError,
    "its scale is 0 to 1: current value is 62; for 62 % write 0.62",
  );
  for (const wrong of [-0.1, 1.1, NaN]) assertThrows(() => check(wrong), RangeError, "its scale is 0 to 1");
  assertThrows(() => check({ overall: 11 }), RangeError, "0 to 10");
  const both = assertThrows(() => check({ IF: 2, x: 1 }), RangeError) as Error;
  assertEquals(both.message.split("\n").length, 2);
});

Deno.test("a missed threshold is in results, report.md, report.html and the last lines; a wrong one stops before any request", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/rows.jsonl`, rowsText(20));
    await using server = mockServer({
      // all but one judgement can't be read, and that one is met
      respond: ({ body }) => {
        const text = body.messages.at(-1)!.content;
        if (!text.includes("< constraints >:") || text.includes("constraint 0 of 0;")) return undefined;
        return completionResponse("I'd rather not say.");
      },
      text: ({ body }) =>
        body.messages.at(-1)!.content.includes("< constraints >:")
          ? 'Fine Grained Score: [{"1. constraint 0 of 0;": 10}]\nConstraints Overall Score: [[10]]'
          : "an answer",
    });
    const config = rowsConfig(folder, server.base, ["threshold={followed: 0.9}", "formats=[junit, github]"]);
    const said: string[] = [];
    const done = await runConfig(config, { say: (line) => said.push(line) });
    const results = done.results!;
    assertEquals([results.passed, results.thresholds![0]!.value, exitCode(done)], [false, 1 / 20, 3]);
    const text = "followed is 0.0500, limit 0.9 (20 items, 19 unscored counted as misses)";
    const last = endingLines(done).join("\n");
    assertEquals(last.includes(`Below the threshold: ${text}`), true, last);
    const read = (name: string) => Deno.readTextFile(`${config.out_dir}/${name}`);
    assertEquals(JSON.parse(await read("results.json")).thresholds, results.thresholds);
    assertEquals(await read("report.md"), markdown(results));
    assertEquals((await read("report.md")).includes(`**Threshold missed**: ${text}`), true);
    const page = await read("report.html");
    for (
      const part of ["misses the threshold", "<td>0.0500</td><td>0.9</td><td>20</td><td>19 (misses)</td>"]
    ) {
      assertEquals(page.includes(part), true, part);
    }
    const junit = await read("junit.xml");
    assertEquals(junit.includes('<testsuite name="thresholds" tests="1" failures="1"'), true);
    assertEquals(
      junit.includes('<testsuite name="items" tests="20" failures="0" errors="0" skipped="19"'),
      true,
    );
    const error = said.find((line) => line.startsWith("::error "))!;
    assertEquals(error.endsWith(`::${text}`), true, error);
    assertEquals(said.some((line) => line.startsWith("::warning ") && line.includes("are unscored")), true);

    const lenient = await runConfig(rowsConfig(folder, server.base, ["threshold=0.9", "max_unscored=19"]), {
      stage: "score",
    });
    assertEquals([lenient.results!.passed, exitCode(lenient)], [true, 0]);

    const before = server.log.length;
    for (
      const [threshold, message] of [["{folowed: 0.9}", 'did you mean "followed"'], [
        "90",
        "its scale is 0 to 1",
      ]]
    ) {
      const wrong = rowsConfig(folder, server.base, [`threshold=${threshold}`, `out_dir=${folder}/other`]);
      const error = await runConfig(wrong).then(() => null, (error: Error) => error);
      assertEquals(error?.message.includes(message!), true, error?.message);
    }
    assertEquals(server.log.length, before);
  });
});
