import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { findScore } from "../../plugins/benchmarks/scores.ts";
import { completionResponse, mockServer } from "../bench/eval/mock_server.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { asksJudge } from "../../tests/helpers/mocked_judge.ts";

Deno.test("evaluate() with a panel: mean or majority, members' scores kept, alpha in the results", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    await using server = mockServer({
      respond: ({ body }) => {
        if (!asksJudge(body)) return undefined;
        const texts = [...body.messages.at(-1)!.content.matchAll(/^\d\. constraint \d of \d;$/gm)].map((m) =>
          m[0]
        );
        const scores = Object.fromEntries(
          texts.map((t) => [t, body.model === "strict" && t.startsWith("1.") ? 4 : 10]),
        );
        return completionResponse(
          `Fine Grained Score: [${JSON.stringify(scores)}]\nConstraints Overall Score: [[9]]`,
        );
      },
    });
    const member = (name: string) =>
      `{ type: openai, args: { name: ${name}, api_base: "${server.base}", key: none } }`;
    const judges = `[${["strict", "kind", "kinder"].map(member).join(", ")}]`;
    const config = rowsConfig(folder, server.base, [`evaluator_llm=${judges}`]);
    const { results } = await runConfig(config);
    assertEquals([server.log.length, results!.agreement?.judges], [24, ["strict", "kind", "kinder"]]);
    // 6 of 12 constraints are first ones: (4 + 10 + 10)/3 = 8 there, 10 elsewhere; as shares (6·0.8 + 6)/12
    assertAlmostEquals(findScore(results!.scores, "mean")!.value!, 0.9, 1e-12);
    assertEquals(results!.agreement?.unanimous, 0.5);
    const majority = rowsConfig(folder, server.base, [
      `judge={type: panel, args: {judges: ${judges}, combine: majority}}`,
      `out_dir=${join(folder, "second")}`,
    ]);
    const second = await runConfig(majority);
    assertEquals([findScore(second.results!.scores, "mean")?.value, server.log.length], [1, 24]);
  });
});

Deno.test("evaluate() holds a structured judge to a schema and reads nothing else of it", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer({
      respond: ({ body }) => {
        if (body.response_format === undefined) return undefined;
        const schema = (body.response_format as {
          json_schema: { schema: { properties: { tag: { enum: string[] }; scores: { minItems: number } } } };
        })
          .json_schema.schema;
        const { tag: { enum: [tag] }, scores: { minItems: n } } = schema.properties;
        const scores = Array(n).fill(5);
        return completionResponse(
          JSON.stringify({ tag, explanations: Array(n).fill("x"), scores, overall: 5 }),
        );
      },
    });
    const { results } = await runConfig(
      rowsConfig(folder, server.base, ["evaluator_llm.args.structured=true"]),
    );
    assertEquals(findScore(results!.scores, "mean")?.value, 0.5);
    assertEquals(results!.counts.readings.complete, 3);
  });
});

Deno.test("evaluate() needs a judge where the benchmark doesn't decide by itself", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(2));
    await using server = mockServer();
    const { evaluator_llm: _none, ...config } = rowsConfig(folder, server.base);
    await assertRejects(() => runConfig(config), RangeError, "a judge is needed");
    assertEquals(server.log.length, 0);
  });
});

Deno.test("evaluate() takes recorded verdicts; null stays unscored", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    const verdicts = join(folder, "verdicts.jsonl");
    await Deno.writeTextFile(
      verdicts,
      '{"id": "row-0", "scores": [1]}\n{"id": "row-1", "scores": [1, null]}\n',
    );
    await using server = mockServer();
    const base = rowsConfig(folder, server.base);
    const { evaluator_llm: _none, ...rest } = base;
    const judge = { type: "recorded", args: { path: verdicts }, run_args: {} };
    const { results } = await runConfig({ ...rest, judge });
    const constraint = findScore(results!.scores, "constraint")!;
    assertEquals([constraint.value, constraint.scored, constraint.unscored, server.log.length], [1, 2, 4, 3]);
    await assertRejects(
      () => runConfig({ ...rest, judge: { ...judge, args: { path: verdicts, scale: 10 } } }),
      RangeError,
      "scores to 1 are needed",
    );
    await assertRejects(
      () => runConfig({ ...rest, judge: { type: "rulez", args: {}, run_args: {} } }),
      RangeError,
      'did you mean "rules"',
    );
    await assertRejects(
      () => runConfig({ ...rest, judge, model: { ...rest.model, type: "opnai" } }),
      RangeError,
      'did you mean "openai"',
    );
    await assertRejects(
      () => runConfig({ ...rest, judge, type: "trase" }),
      RangeError,
      'did you mean "trace"',
    );
    await assertRejects(() => runConfig({ ...rest, judge, args: { rouns: 1 } }), TypeError, "rounds");
  });
});

Deno.test("evaluate() judges answers without their thoughts, counts thoughts, and leaves a thought without an answer unscored", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    await using server = mockServer({
      respond: ({ body }) => {
        if (asksJudge(body)) return undefined;
        const text = body.messages.at(-1)!.content;
        if (text.includes("Question 0:")) return completionResponse("<think>\nSECRET PLAN and so", "length");
        if (text.includes("Question 1:")) return completionResponse("plain");
        return completionResponse("<think>\nSECRET PLAN\n</think>\n\nspoken");
      },
    });
    const config = rowsConfig(folder, server.base);
    const { results, complete } = await runConfig(config);
    const { counts } = results!;
    assertEquals([complete, counts.thoughts, counts.thought_only, counts.answered, counts.judged], [
      true,
      5,
      1,
      6,
      5,
    ]);
    assertEquals(counts.truncated, 0);
    const judged = server.log.filter(({ body }) => asksJudge(body)).map(({ body }) => JSON.stringify(body));
    assertEquals(judged.length, 5);
    assert(judged.every((body) => !body.includes("SECRET")));
    const rows = (await Deno.readTextFile(join(config.out_dir, "items.jsonl"))).trim().split("\n")
      .map((line) => JSON.parse(line)).filter(({ stage }) => stage === "generate");
    assertEquals(
      rows.map(({ completion }) => completion.thought).filter((t) => t?.startsWith("SECRET")).length,
      5,
    );
    const report = await Deno.readTextFile(join(config.out_dir, "report.md"));
    assertStringIncludes(report, "5 with a thought, which is set apart, 1 with a thought and no answer");
    assertStringIncludes(report, "raise run\\_args.max\\_tokens");
  });
});
