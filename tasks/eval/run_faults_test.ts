import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { z } from "zod";

import { findScore } from "../../plugins/benchmarks/scores.ts";
import { builtinPlugins, builtinRegistry } from "../../plugins/builtins.ts";
import openai, { openaiEndpoint, type OpenaiOptions } from "../../plugins/endpoints/openai.ts";
import type { BenchmarkItem } from "../../plugins/kinds/benchmark.ts";
import { Registry } from "../../plugins/registry.ts";
import { Stopped } from "../ask/stopped.ts";
import { completionResponse, mockServer } from "../bench/eval/mock_server.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { evaluate } from "./run.ts";
import { asksJudge, errorResponse } from "../../tests/helpers/mocked_judge.ts";

Deno.test("evaluate() never makes a zero of a failure: errors, too long prompts and unreadable judgements are apart", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(9));
    let healthy = false;
    await using server = mockServer({
      respond: ({ body }) => {
        const text = body.messages.at(-1)!.content;
        if (asksJudge(body)) {
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

Deno.test("why an answer has no verdict stays in all reports, also of a later --rescore", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer({
      respond: ({ body }) =>
        asksJudge(body) && body.messages.at(-1)!.content.includes("Question 1:")
          ? errorResponse(503, "engine overloaded")
          : undefined,
    });
    const config = rowsConfig(folder, server.base, ["max_retries=0", "formats=[junit]"]);
    await runConfig(config);
    const { results } = await runConfig(config, { stage: "report" });
    // row-1 has two constraints
    assertEquals(results!.counts.reasons.map(({ count }) => count), [2]);
    assertStringIncludes(results!.counts.reasons[0]!.reason, "the judge couldn't be asked: ");
    assertEquals([results!.counts.unjudged, results!.counts.unscored, results!.counts.unjudged_constraints], [
      1,
      0,
      2,
    ]);
    for (const name of ["report.md", "junit.xml"]) {
      assertStringIncludes(await Deno.readTextFile(join(config.out_dir, name)), "engine overloaded", name);
    }
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
        return body.messages.at(-1)!.content.includes("Question 2:") && !asksJudge(body)
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

Deno.test("evaluate() stops at a signal while it reads items that have no end, before any is asked", async () => {
  await inFolder(async (folder) => {
    await using server = mockServer();
    const registry = builtinRegistry();
    const item = { messages: [{ role: "user", content: "q" }], constraints: [], groups: {}, fields: {} };
    registry.define({
      kind: "benchmark",
      name: "endless",
      version: "1",
      description: "",
      options: z.strictObject({}),
      create: () => ({
        async *items() {
          for (let n = 0; n < 1e7; n++) {
            yield await Promise.resolve({ ...item, id: String(n) } as BenchmarkItem);
          }
        },
        check: () => Promise.reject(new Error("nothing is asked")),
        contributions: () => [],
      }),
    }, "my.ts");
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(1));
    const { evaluator_llm: _, dataset: __, ...config } = rowsConfig(folder, server.base);
    const error = await assertRejects(
      () => evaluate({ ...config, type: "endless" }, registry, { signal: AbortSignal.timeout(50) }),
      Stopped,
    );
    assertEquals([error.why, server.log.length], ["signal", 0]);
  });
});

Deno.test("items of a benchmark of one's own with one id, or none of them, are told with their numbers and file", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "data.jsonl"), ids: string[] = [];
    const item = { messages: [{ role: "user", content: "q" }], constraints: [], groups: {}, fields: {} };
    const registry = builtinRegistry();
    registry.define({
      kind: "benchmark",
      name: "twice",
      version: "1",
      description: "",
      options: z.strictObject({ path: z.string() }),
      create: () => ({
        async *items() {
          for (const id of ids) yield await Promise.resolve({ ...item, id } as BenchmarkItem);
        },
        check: () => Promise.reject(new Error("nothing is asked")),
        contributions: () => [],
      }),
    }, "my.ts");
    const { evaluator_llm: _, dataset: __, ...config } = rowsConfig(folder, "http://127.0.0.1:1/v1");
    const refused = async () =>
      (await assertRejects(
        () => evaluate({ ...config, type: "twice", args: { path } }, registry),
        RangeError,
      )).message;
    assertEquals(
      await refused(),
      `Cannot evaluate twice as items are needed: current value is none of ${path}`,
    );
    ids.push("a", "b", "a");
    assertEquals(
      await refused(),
      `Cannot evaluate twice as an id of its own is needed of each item: current value is "a" of items 0 and 2 of ${path}, from 0`,
    );
  });
});
