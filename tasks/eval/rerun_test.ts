import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { asksJudge, errorResponse } from "../../tests/helpers/mocked_judge.ts";
import { completionResponse, type MockRequest, mockServer } from "../bench/eval/mock_server.ts";
import { taskCommand } from "../common/process/command.ts";

import { endingLines } from "./ending_text.ts";

const isJudge = ({ body }: MockRequest) => body.messages.at(-1)!.content.includes("< constraints >:");

Deno.test("rejudge gives every verdict of a finished run again, rescore asks nothing, overwrite starts from the beginning", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    let asked: { answers: number; verdicts: number };
    const reset = () => asked = { answers: 0, verdicts: 0 };
    reset();
    let kind = 10;
    await using server = mockServer({
      respond: (request) => {
        asked[isJudge(request) ? "verdicts" : "answers"]++;
        if (!isJudge(request)) return undefined;
        const texts = [...request.body.messages.at(-1)!.content.matchAll(/^\d\. constraint \d of \d;$/gm)]
          .map((m) => m[0]);
        const scores = JSON.stringify(Object.fromEntries(texts.map((text) => [text, kind])));
        return completionResponse(`Fine Grained Score: [${scores}]\nConstraints Overall Score: [[${kind}]]`);
      },
    });
    const config = rowsConfig(folder, server.base);
    assertEquals((await runConfig(config)).results!.headline.value, 1);
    assertEquals(asked!, { answers: 6, verdicts: 6 });

    reset();
    kind = 4;
    assertEquals((await runConfig(config)).results!.headline.value, 1);
    assertEquals(asked!, { answers: 0, verdicts: 0 }, "a finished run asks nothing");
    const again = await runConfig(config, { rejudge: true });
    assertEquals([again.results!.headline.value, again.complete], [0, true]);
    assertEquals(asked!, { answers: 0, verdicts: 6 }, "verdicts aren't taken from the cache either");
    // and the new verdicts stay
    assertEquals((await runConfig(config, { stage: "report" })).results!.headline.value, 0);
    assertEquals(asked!, { answers: 0, verdicts: 6 });

    reset();
    const said: string[] = [];
    const overwrite = rowsConfig(folder, server.base, ["overwrite=true"]);
    const overwritten = await runConfig(overwrite, { say: (line) => said.push(line) });
    assertEquals([overwritten.complete, asked!], [true, { answers: 6, verdicts: 6 }]);
    assertStringIncludes(said.join("\n"), "6 answers of an earlier run are removed");
    // run.yaml continues the run and doesn't remove it again
    assertStringIncludes(await Deno.readTextFile(join(config.out_dir, "run.yaml")), "overwrite: false");
  });
});

Deno.test("a stage that works on answers leaves the reports of a run whose items.jsonl is gone", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(2));
    await using server = mockServer();
    const config = rowsConfig(folder, server.base, ["cache=false"]);
    await runConfig(config);
    const results = join(config.out_dir, "results.json"), before = await Deno.readTextFile(results);
    const items = join(config.out_dir, "items.jsonl");
    await Deno.remove(items);
    for (const stage of ["judge", "score", "report"] as const) {
      await assertRejects(() => runConfig(config, { stage }), RangeError, "current value is no items.jsonl");
    }
    await Deno.writeTextFile(items, "");
    await assertRejects(() => runConfig(config, { stage: "report" }), RangeError, "an empty items.jsonl");
    assertEquals(await Deno.readTextFile(results), before);
  });
});

Deno.test("a stage that asks nobody refuses another model or judge, and takes prices", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(2));
    await using server = mockServer();
    const config = (...own: string[]) => rowsConfig(folder, server.base, ["cache=false", ...own]);
    await runConfig(config());
    const runYaml = join(config().out_dir, "run.yaml"), before = await Deno.readTextFile(runYaml);
    const refused = (stage: "judge" | "report", own: string, message: string) =>
      assertRejects(() => runConfig(config(own), { stage }), RangeError, message);
    await refused(
      "report",
      "evaluator_llm.args.name=other",
      "with another judge: its verdicts are of grader",
    );
    await refused("report", "evaluator_llm.run_args.temperature=1", "use --rejudge");
    await refused("report", "model.args.name=other", "with another model: its answers are of writer");
    await refused("judge", "model.run_args.temperature=1", "with another model");
    assertEquals(await Deno.readTextFile(runYaml), before);
    const priced = config("evaluator_llm.args.prices={input: 1000000, output: 0}");
    assert((await runConfig(priced, { stage: "report" })).results!.totals.cost > 0);
    const other = config("evaluator_llm.args.name=other");
    assertEquals((await runConfig(other, { stage: "judge" })).complete, true);
    assertEquals((await runConfig(other, { stage: "report" })).results!.judge, "other");
  });
});

Deno.test("a question that has changed since it was answered is named and asked again; others aren't", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "rows.jsonl"), text = rowsText(6);
    await Deno.writeTextFile(path, text);
    await using server = mockServer();
    const config = rowsConfig(folder, server.base, ["cache=false"]);
    const start = async () => {
      const said: string[] = [], before = server.log.length;
      await runConfig(config, { say: (line) => said.push(line) });
      return {
        said: said.filter((line) => /^note: questions/.test(line)),
        asked: server.log.length - before,
      };
    };
    assertEquals(await start(), { said: [], asked: 12 });
    await Deno.writeTextFile(path, text.replace("Question 2", "Question two"));
    const one = "note: questions that have changed since they were answered are asked again: row-2";
    assertEquals(await start(), { said: [one], asked: 2 });
    assertEquals(await start(), { said: [], asked: 0 });
    await Deno.writeTextFile(path, text.replaceAll("say something", "write something"));
    const all =
      "note: questions that have changed since they were answered are asked again: row-0, row-1, row-2 and 3 more";
    assertEquals(await start(), { said: [all], asked: 12 });
  });
});

Deno.test("answers of items that a start doesn't have are counted in a note, and kept", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    await using server = mockServer();
    const start = async (...overrides: string[]) => {
      const said: string[] = [], before = server.log.length;
      await runConfig(rowsConfig(folder, server.base, ["cache=false", ...overrides]), {
        say: (line) => said.push(line),
      });
      return { said: said.filter((line) => line.includes("stored")), asked: server.log.length - before };
    };
    const left = (count: string) =>
      `note: ${count} that this start doesn't have (max_samples, other data): in no score, and kept`;
    assertEquals(await start(), { said: [], asked: 12 });
    assertEquals(await start("max_samples=2"), { said: [left("4 stored answers are of items")], asked: 0 });
    assertEquals(await start("max_samples=5"), { said: [left("1 stored answer is of an item")], asked: 0 });
    assertEquals(await start(), { said: [], asked: 0 });
    assertEquals(await start("max_samples=2", "overwrite=true"), { said: [], asked: 4 });
  });
});

Deno.test("unreadable verdicts are never kept, and unscored items are judged again when the run is run again", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(6));
    let readable = false, verdicts = 0;
    await using server = mockServer({
      respond: (request) => {
        if (!isJudge(request)) return undefined;
        verdicts++;
        const hard = request.body.messages.at(-1)!.content.includes("constraint 0 of 4;");
        return hard && !readable ? completionResponse("I'd rather not say.") : undefined;
      },
    });
    const config = rowsConfig(folder, server.base);
    const first = await runConfig(config);
    assertEquals([first.complete, first.results!.counts.readings.none, verdicts], [true, 1, 7]);
    // another run has none of the unreadable texts from the cache
    const other = await runConfig(rowsConfig(folder, server.base, [`out_dir=${join(folder, "other")}`]));
    assertEquals([other.results!.counts.readings.none, verdicts, other.results!.usage.cached], [1, 9, 11]);
    readable = true;
    const second = await runConfig(config);
    assertEquals([second.results!.counts.readings.none, second.results!.counts.unscored, verdicts], [
      0,
      0,
      10,
    ]);
    await runConfig(config);
    assertEquals(verdicts, 10, "what is whole isn't judged again");
  });
});

Deno.test("a partial verdict isn't given up for less at the next start", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(2));
    let worse = false;
    await using server = mockServer({
      respond: (request) => {
        if (!isJudge(request) || !request.body.messages.at(-1)!.content.includes("of 1;")) return undefined;
        return completionResponse(worse ? "no" : 'Fine Grained Score: [{"1. constraint 0 of 1;": 10}]');
      },
    });
    const config = rowsConfig(folder, server.base);
    const before = (await runConfig(config)).results!;
    worse = true;
    const after = (await runConfig(config)).results!;
    assertEquals([before.counts.unscored, after.counts.unscored], [1, 1]);
    assertEquals(after.scores, before.scores);
  });
});

Deno.test("how to continue is printed only where starting again can help", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    let status = 500;
    await using server = mockServer({
      respond: ({ body }) =>
        body.messages.at(-1)!.content.includes("Question 1:")
          ? Response.json({ error: { message: "no such adapter" } }, { status })
          : undefined,
    });
    const go = async (out: string, ...more: string[]) => {
      const done = await runConfig(
        rowsConfig(folder, server.base, [`out_dir=${join(folder, out)}`, "max_retries=0", ...more]),
      );
      return [done.resumable, endingLines(done).at(-1)!.trim()] as const;
    };
    const [passing, resume] = await go("a");
    assertEquals(passing, true);
    // works in any folder, as those of train and synth do
    const command = (out: string) => taskCommand("eval", [join(folder, out, "run.yaml")]);
    assertStringIncludes(resume, `Not complete: 1 of 3 items has no answer. To continue:\n  ${command("a")}`);
    // as a shell takes it
    const [, spaced] = await go("a b");
    assertStringIncludes(spaced, command("a b"));
    const [header = ""] = (await Deno.readTextFile(join(folder, "a b", "run.yaml"))).split("\n");
    assertStringIncludes(header, `# deno task eval '${join(folder, "a b", "run.yaml")}' continues`);
    status = 400;
    const [lasting, mend] = await go("b");
    assertEquals([lasting, mend.includes("deno task eval")], [false, false]);
    assertEquals(mend.includes("run.yaml"), false);
    assertStringIncludes(mend, "no such adapter");
    assertStringIncludes(mend, "mend this first");
    const [budget, text] = await go("c", "budget.requests=2", "cache=false");
    assertEquals([budget, text.includes("To continue:")], [true, true]);
    // what stopped it, and how much of how much is open, wherever it is told
    const stopped =
      "the budget of 2 requests is spent; 2 of 3 items have no answer, 1 of 1 answer has no verdict";
    assertStringIncludes(text, `Not complete: ${stopped}.`);
    for (const report of ["report.md", "report.html"]) {
      assertStringIncludes(await Deno.readTextFile(join(folder, "c", report)), stopped);
    }
    status = 401;
    const [fatal, key] = await go("d", "concurrency=1");
    assertEquals([fatal, key.includes("deno task eval")], [false, false]);
  });
});

Deno.test("items that fail at every start, more of them than stop a run, keep it neither from the others nor from its judge", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(60));
    const question = (body: { messages: { content: string }[] }) =>
      Number(/Question (\d+):/.exec(body.messages.at(-1)!.content)![1]);
    await using server = mockServer({
      respond: ({ body }) => {
        // every second answer of the first 50, and of the judge every verdict but those on questions 1 and 51
        const isBad = asksJudge(body)
          ? ![1, 51].includes(question(body))
          : question(body) % 2 === 0 && question(body) < 50;
        return isBad ? errorResponse(400, "no") : undefined;
      },
    });
    const config = (...own: string[]) =>
      rowsConfig(folder, server.base, ["concurrency=1", "max_retries=0", "cache=false", ...own]);
    const first = await runConfig(config("budget.requests=52"));
    assertEquals([first.stopped?.why, first.results?.counts.answered], ["budget", 27]);
    // 25 fail again, one after the other, before the eight that are left
    const second = await runConfig(config());
    assertEquals([second.stopped, second.results?.counts.answered, second.results?.counts.judged], [
      null,
      35,
      2,
    ]);
    // and 33 verdicts fail again, none coming in between
    const third = await runConfig(config());
    assertEquals([third.stopped, third.results?.counts.answered, third.results?.counts.judged], [
      null,
      35,
      2,
    ]);
    assertEquals(server.log.length, 52 + (25 + 8 + 35) + (25 + 33));
  });
});

Deno.test("a judge that never gave a verdict ends each start after as many requests", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(60));
    await using server = mockServer({
      respond: ({ body }) => asksJudge(body) ? errorResponse(400, "no") : undefined,
    });
    const config = rowsConfig(folder, server.base, ["concurrency=1", "max_retries=0", "cache=false"]);
    for (const requests of [60 + 20, 20, 20]) {
      const before = server.log.length, { stopped } = await runConfig(config);
      // one more may be under way
      const more = server.log.length - before - requests;
      assertEquals([stopped?.why, [0, 1].includes(more)], ["fatal", true], `${more} more requests`);
    }
  });
});
