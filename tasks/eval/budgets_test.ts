import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { mockServer } from "../bench/eval/mock_server.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";

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
