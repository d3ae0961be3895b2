import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { findScore } from "../../plugins/benchmarks/scores.ts";
import { builtinPlugins } from "../../plugins/builtins.ts";
import openai, { openaiEndpoint, type OpenaiOptions } from "../../plugins/endpoints/openai.ts";
import { Registry } from "../../plugins/registry.ts";
import { completionResponse, mockServer } from "../bench/mock_server.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { evaluate } from "./run.ts";

const isJudge = (body: { messages: { content: string }[] }) =>
  body.messages.at(-1)!.content.includes("< constraints >:");
const errorResponse = (status: number, message: string, headers = {}) =>
  Response.json({ error: { message } }, { status, headers });

Deno.test("evaluate() asks each item and its judge once, writes every file, and a second start asks nothing", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(20));
    await using server = mockServer();
    const config = rowsConfig(folder, server.base);
    const { results, complete, files } = await runConfig(config);
    assertEquals([complete, results!.complete, server.log.length], [true, true, 40]);
    assertEquals([...server.asked.values()].every((n) => n === 1), true);
    assertEquals(files.map((f) => f.name), [
      "run.yaml",
      "items.jsonl",
      "results.json",
      "rows_writer.json",
      "report.html",
      "report.md",
    ]);
    for (const { name } of files) assert((await Deno.stat(join(config.out_dir, name))).size > 0);
    const released = JSON.parse(await Deno.readTextFile(join(config.out_dir, "rows_writer.json")));
    assertEquals(Object.keys(released), ["average_score", "config", "result"]);
    assertEquals(released.result.length, 20);
    assertEquals(released.average_score, 100 * results!.headline.value!);
    // seven rows with one constraint, seven with two, six with three
    assertEquals(findScore(results!.scores, "constraint")?.scored, 39);

    const again = await runConfig(config);
    assertEquals([server.log.length, again.results!.usage.requests], [40, 0]);
    assertEquals(again.results!.scores, results!.scores);
  });
});

Deno.test("evaluate() runs each stage alone, and another judge judges the same answers", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    await using server = mockServer();
    const config = rowsConfig(folder, server.base);
    await assertRejects(
      () => runConfig(config, { stage: "judge" }),
      RangeError,
      "run the stage generate first",
    );
    const made = await runConfig(config, { stage: "generate" });
    assertEquals([made.results, server.log.length], [null, 6]);
    await runConfig(config, { stage: "judge" });
    assertEquals(server.log.length, 12);
    const { results } = await runConfig(config, { stage: "score" });
    assertEquals([server.log.length, results!.complete], [12, true]);
    const { files } = await runConfig(config, { stage: "report" });
    assert(files.some((f) => f.name === "report.html"));
    const other = await runConfig(rowsConfig(folder, server.base, ["evaluator_llm.args.name=other-grader"]));
    assertEquals([server.log.length, other.results!.judge], [18, "other-grader"]);
  });
});

Deno.test("evaluate() refuses a directory with answers of another model or benchmark", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer();
    await runConfig(rowsConfig(folder, server.base));
    for (const override of ["model.args.name=another", "model.run_args.temperature=0.5"]) {
      await assertRejects(
        () => runConfig(rowsConfig(folder, server.base, [override])),
        RangeError,
        "another out_dir",
      );
    }
    assertEquals(server.log.length, 6);
    const { results } = await runConfig(
      rowsConfig(folder, server.base, ["model.args.name=another", "overwrite=true"]),
    );
    assertEquals([results!.model, results!.complete, results!.counts.answered], ["another", true, 3]);
  });
});

Deno.test("evaluate() never makes a zero of a failure: errors, too long prompts and unreadable judgements are apart", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(9));
    let healthy = false;
    await using server = mockServer({
      respond: ({ body }) => {
        const text = body.messages.at(-1)!.content;
        if (isJudge(body)) {
          return text.includes("constraint 0 of 3;") ? completionResponse("I'd rather not say.") : undefined;
        }
        if (text.includes("Question 1:")) return errorResponse(400, "maximum context length is 10 tokens");
        if (text.includes("Question 2:") && !healthy) return errorResponse(400, "no");
        return undefined;
      },
    });
    const config = rowsConfig(folder, server.base);
    const { results, complete } = await runConfig(config);
    assertEquals(complete, false);
    const { counts, failures } = results!;
    assertEquals(
      [counts.answered, counts.unanswered, counts.context_length, counts.judged, counts.readings.none],
      [8, 1, 1, 7, 1],
    );
    assertEquals(failures.map((f) => [f.kind, f.count]), [["bad_request", 1]]);
    // the unreadable judgement was asked for twice (rounds: 2), the failed answer once
    assertEquals(
      server.log.filter((r) => r.body.messages.at(-1)!.content.includes("constraint 0 of 3;")).length,
      2,
    );
    const followed = findScore(results!.scores, "followed")!;
    assertEquals([followed.scored, followed.unscored], [6, 3]);

    healthy = true;
    const before = server.log.length;
    const second = await runConfig(config);
    // the failed answer and its judgement, and two rounds of the judgement that couldn't be read
    assertEquals([server.log.length - before, second.complete, second.results!.counts.unanswered], [
      4,
      true,
      0,
    ]);
  });
});

Deno.test("evaluate() doesn't spend more tokens than it may, from the first requests on", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(40));
    // An answer or a judgement of the mock takes 150 tokens.
    await using server = mockServer({ latencyMs: 5 });
    const answers = await runConfig(rowsConfig(folder, server.base, ["budget.tokens=1500"]));
    assertEquals([server.log.length, answers.stopped?.why], [10, "budget"]);
    const judgements = await runConfig(rowsConfig(folder, server.base, ["budget.tokens=5400"]));
    assertEquals([server.log.length, judgements.stopped?.why], [46, "budget"]);
  });
});

Deno.test("evaluate() stops at a budget with what there is, and continues at the next start", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(10));
    await using server = mockServer();
    const first = await runConfig(rowsConfig(folder, server.base, ["budget.requests=7"]));
    assertEquals([server.log.length, first.complete, first.stopped?.why], [7, false, "budget"]);
    assertEquals([first.results!.counts.answered, first.results!.counts.unanswered], [7, 3]);
    const second = await runConfig(rowsConfig(folder, server.base));
    assertEquals([server.log.length, second.complete], [20, true]);
    assertEquals([...server.asked.values()].every((n) => n === 1), true);
  });
});

Deno.test("evaluate() stops at the first 401, keeps what was done, and says which variable holds the key", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(10));
    let allowed = 4;
    await using server = mockServer({
      respond: () => allowed-- > 0 ? undefined : errorResponse(401, "bad key"),
    });
    const config = rowsConfig(folder, server.base, ["concurrency=1"]);
    const { stopped, results, complete } = await runConfig(config);
    assertEquals([stopped?.why, complete, results!.counts.answered, server.log.length], [
      "fatal",
      false,
      4,
      5,
    ]);
    assertStringIncludes(stopped!.message, "OPENAI_API_KEY");
  });
});

Deno.test("evaluate() adapts to a server that takes four at once and answers 429 to others", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(40));
    let now = 0, refused = 0;
    await using server = mockServer({
      respond: async () => {
        if (now >= 4) {
          refused++;
          return errorResponse(429, "slow down", { "retry-after-ms": "20" });
        }
        now++;
        await new Promise((resolve) => setTimeout(resolve, 10));
        now--;
        return undefined;
      },
    });
    const { complete, results } = await runConfig(rowsConfig(folder, server.base, ["max_retries=30"]));
    assert(complete);
    assert(refused > 0 && refused < 60, `${refused} refusals`);
    assertEquals(results!.usage.requests - results!.usage.retries, 80);
  });
});

Deno.test("evaluate() with a panel: mean or majority, members' scores kept, alpha in the results", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    await using server = mockServer({
      respond: ({ body }) => {
        if (!isJudge(body)) return undefined;
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

Deno.test("no key ever appears in what a run writes or says, not even when the server repeats it", async () => {
  const secret = "sk-very-secret-4711";
  const said: string[] = [];
  const env = (name: string) => name === "DINOTUNE_TEST_KEY" ? secret : undefined;
  const others = builtinPlugins().filter(({ kind, name }) => kind !== "endpoint" || name !== openai.name);
  const registry = new Registry([...others, {
    ...openai,
    create: (options) => openaiEndpoint(options as OpenaiOptions, { env }),
  }]);
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(4));
    await using server = mockServer({
      respond: ({ body, authorization }) => {
        assertEquals(authorization, `Bearer ${secret}`);
        return body.messages.at(-1)!.content.includes("Question 2:") && !isJudge(body)
          ? errorResponse(400, `your key ${secret} can't do that`)
          : undefined;
      },
    });
    const config = rowsConfig(folder, server.base, [
      "model.args.key=auto",
      "model.args.api_key_env=DINOTUNE_TEST_KEY",
      "evaluator_llm.args.key=required",
      "evaluator_llm.args.api_key_env=DINOTUNE_TEST_KEY",
    ]);
    const { results } = await evaluate(config, registry, { say: (line) => said.push(line) });
    assertStringIncludes(results!.failures[0]!.example, "[key]");
    said.push(JSON.stringify(results));
    for await (const { name } of Deno.readDir(config.out_dir)) {
      const text = await Deno.readTextFile(join(config.out_dir, name));
      assert(!text.includes(secret), `${name} holds the key`);
    }
    assert(
      !new TextDecoder("latin1").decode(await Deno.readFile(join(folder, "cache.sqlite"))).includes(secret),
    );
    assert(!said.join("\n").includes(secret));
  });
});

const badRows: [string, string, string][] = [
  ["a missing field", '{"id": "a", "prompt": "x"}\n', "constraints"],
  ["no prompt", '{"id": "a", "constraints": ["c"]}\n', "messages or prompt"],
  ["malformed JSON", '{"id": "a", \n', "rows.jsonl:1:13 as JSON"],
  [
    "duplicate ids",
    '{"id": "a", "prompt": "x", "constraints": ["c"]}\n'.repeat(2),
    'current value is "a" in rows 0 and 1 (line 2)',
  ],
  ["no rows", "\n", "a file without rows"],
];
for (const [name, text, message] of badRows) {
  Deno.test(`evaluate() refuses rows with ${name} before any request`, async () => {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "rows.jsonl"), text);
      await using server = mockServer();
      await assertRejects(() => runConfig(rowsConfig(folder, server.base)), Error, message);
      assertEquals(server.log.length, 0);
    });
  });
}

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
        if (isJudge(body)) return undefined;
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
    const judged = server.log.filter(({ body }) => isJudge(body)).map(({ body }) => JSON.stringify(body));
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

Deno.test("evaluate() keeps budgets of tokens and money where the server counts nothing, and refuses one without prices", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(30));
    await using server = mockServer({
      respond: () =>
        Response.json({
          choices: [{ index: 0, message: { content: "A short answer." }, finish_reason: "stop" }],
        }),
    });
    const run = (name: string, ...overrides: string[]) =>
      runConfig(
        rowsConfig(folder, server.base, [`out_dir=${join(folder, name)}`, "cache=false", ...overrides]),
        {
          stage: "generate",
        },
      );
    const prices = "model.args.prices={input: 10, output: 30}";
    const judgePrices = "evaluator_llm.args.prices={input: 1, output: 1}";
    assertEquals((await run("tokens", "budget={tokens: 10}")).stopped?.why, "budget");
    assertEquals(server.log.length, 1);
    const { stopped } = await run("more", "budget={tokens: 200}");
    assertStringIncludes(stopped!.message, "estimated from characters");
    // about 19 tokens each: 12 of the question, 4 around it, 4 of the answer
    assert(server.log.length > 5 && server.log.length < 15, `${server.log.length}`);
    const before = server.log.length;
    assertEquals(
      (await run("money", "budget={money: 0.000001}", prices, judgePrices)).stopped?.why,
      "budget",
    );
    assertEquals(server.log.length, before + 1);
    await assertRejects(
      () => run("unknown", "budget={money: 1}"),
      RangeError,
      "the prices of writer are needed",
    );
    assertEquals(server.log.length, before + 1);
  });
});
