import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { runDeno, taskWords } from "../../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { unusedPort } from "../../../tests/helpers/unused_port.ts";
import { estimatePrompt } from "../../../plugins/endpoints/token_estimate.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import { completionResponse, mockServer } from "../../bench/eval/mock_server.ts";
import { planRun } from "./plan.ts";
import { planText } from "../report/plan_text.ts";

Deno.test("planRun() counts rows, requests, tokens and cost by prices, and asks nothing", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(9));
    await using server = mockServer();
    const more = [
      "model.args.prices={input: 2, output: 10}",
      "model.run_args.max_tokens=100",
      "max_samples=6",
    ];
    const config = rowsConfig(folder, server.base, more);
    const plan = await planRun(config, builtinRegistry(), () => "");
    const topics = ["trees", "rain", "music"];
    const prompts = Array.from(
      { length: 6 },
      (_, i) => `Question ${i}: say something about ${topics[i % 3]}.`,
    );
    const promptTokens = prompts.reduce((sum, content) => sum + estimatePrompt([{ content }]), 0);
    const [model, judge] = plan.endpoints;
    assertEquals([plan.items, plan.constraints, plan.answered, plan.cached], [6, 12, 0, 0]);
    assertEquals([model!.requests, model!.promptTokens, model!.answerTokens], [6, promptTokens, 600]);
    // by hand: 600 answer tokens at 10 for a million
    assertEquals(model!.cost!.most! - model!.cost!.least, 600 * 10 / 1e6);
    assertEquals([judge!.requests, judge!.cost], [6, null]);
    const text = planText(plan, 80);
    assertStringIncludes(text, "6 items with 12 constraints; scores followed, constraint, mean");
    assertStringIncludes(text, "unknown (no args.prices)");
    // a model of this machine has no price, with a limit of its answers or without
    const free = (most: number) => ({
      ...plan,
      endpoints: [{ ...model!, role: "model" as const, answerTokens: null, cost: { least: 0, most } }],
    });
    assertStringIncludes(planText(free(0), 80), "none");
    assert(!/Cost:|0\.0000/.test(planText(free(0), 80)), planText(free(0), 80));
    const one = planText({ ...plan, items: 1, constraints: 1, answered: 1, cached: 1 }, 80);
    assertStringIncludes(one, "1 item with 1 constraint; scores");
    assertStringIncludes(one, "1 item is answered in the run directory, 1 answer is in the response cache");
    assertStringIncludes(planText(free(0.5), 80), "Cost: at most 0.5000 by args.prices.");
    assertEquals(server.log.length, 0);

    // what is there isn't asked for again
    await runConfig(config, { stage: "generate" });
    const later = await planRun(config, builtinRegistry(), () => "");
    assertEquals([later.answered, later.endpoints[0]!.requests, later.endpoints[1]!.requests], [6, 0, 6]);
    const other = { ...config, out_dir: join(folder, "other") };
    assertEquals((await planRun(other, builtinRegistry(), () => "")).cached, 6);
    assertEquals((await planRun(other, builtinRegistry(), () => "", { fresh: true })).cached, 0);
  });
});

Deno.test("planRun() with ping asks each endpoint once, and tells what it answers", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer({
      respond: ({ body }) =>
        body.model === "grader"
          ? Response.json({ error: { message: "no such model" } }, { status: 404 })
          : completionResponse("ready"),
    });
    const plan = await planRun(rowsConfig(folder, server.base), builtinRegistry(), () => "", { ping: true });
    assertEquals(server.log.map(({ body }) => body.model), ["writer", "grader"]);
    const [writer, grader] = plan.endpoints.map(({ ping }) => ping!);
    assertEquals([writer!.outcome, writer!.text, grader!.outcome], ["stop", "ready", "error"]);
    assertStringIncludes(grader!.text, "no such model");
  });
});

Deno.test("planRun() of a model on a hub that can't be reached plans what it can, and says what it doesn't know", async () => {
  const folder = temporaryFolder(), file = join(folder, "eval.yaml");
  Deno.writeTextFileSync(
    file,
    "evaluator:\n  type: constraints\n  max_samples: 3\n  model:\n    type: local\n    args: {model: some/model}\n    run_args: {max_tokens: 8}\n",
  );
  const words = taskWords("eval", file, `out_dir=${join(folder, "out")}`, "--dry-run");
  // where nothing listens
  const env = { HF_ENDPOINT: `http://127.0.0.1:${unusedPort()}`, HF_HUB_CACHE: join(folder, "hub") };
  const { code, stdout, stderr } = await runDeno(words, { env });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "3 items with ");
  assertMatch(
    stdout,
    /note: .*Cannot download the model some\/model .*it can't be reached.*Answers that earlier runs of it left aren't counted/,
  );
  assertMatch(stdout, /model model +3 /);
});
