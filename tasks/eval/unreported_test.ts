/** Runs that stop before anything can be scored: they write nothing that looks like an evaluation, and say so. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { Stopped } from "../ask/stopped.ts";
import { mockServer } from "../bench/eval/mock_server.ts";
import { asksJudge, errorResponse } from "../../tests/helpers/mocked_judge.ts";
import { endingLines } from "./ending_text.ts";

type Respond = (body: Parameters<typeof asksJudge>[0]) => Response | undefined;

function reportsIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^(?:results|report|rows_.*)\.(?:json|html|md)$/.test(name)).sort();
}

Deno.test("a run that stops before its first answer writes no scores and no report, and says so", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(5));
    let allowed = false;
    await using server = mockServer({ respond: () => allowed ? undefined : errorResponse(401, "bad key") });
    const config = rowsConfig(folder, server.base, ["concurrency=1"]);
    const done = await runConfig(config);
    assertEquals([done.results, done.complete, done.stopped?.why], [null, false, "fatal"]);
    assertEquals(reportsIn(config.out_dir), []);
    assertEquals(done.files.map(({ name }) => name), ["run.yaml", "items.jsonl"]);
    assertStringIncludes(
      endingLines(done).join("\n"),
      "None of 5 items is answered: no scores and no report",
    );
    // the same start goes on when it can
    allowed = true;
    const again = await runConfig(config);
    assertEquals([again.complete, again.unreported, again.results?.counts.answered], [true, null, 5]);
    assertEquals(reportsIn(config.out_dir).includes("report.html"), true);
  });
});

Deno.test("overwrite takes nothing of a finished run away before the first new answer", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(5));
    const interrupted = new AbortController();
    let reply: Respond = () => undefined;
    await using server = mockServer({ respond: ({ body }) => reply(body) });
    const config = (...own: string[]) =>
      rowsConfig(folder, server.base, ["concurrency=1", "max_retries=0", ...own]);
    assertEquals((await runConfig(config())).complete, true);
    const files = ["items.jsonl", "run.yaml", ...reportsIn(config().out_dir)];
    const read = () => files.map((name) => Deno.readTextFileSync(join(config().out_dir, name)));
    const before = read();
    // a wrong key, a refused request, a model that there isn't
    const refused = [
      [401, config("overwrite=true")],
      [400, config("overwrite=true")],
      [404, config("overwrite=true", "model.args.name=another")],
    ] as const;
    for (const [status, over] of refused) {
      reply = () => errorResponse(status, "no");
      const { results, complete, unreported } = await runConfig(over);
      assertEquals([results, complete, read()], [null, false, before], `${status}`);
      assertStringIncludes(
        unreported ?? "",
        "None of 5 items is answered: no scores and no report are written; the 5 answers of an earlier start stay until the first " +
          "new one is there; those of an earlier start stay as they are (results.json",
      );
    }
    const away = await runConfig(config("overwrite=true", "model.args.api_base=http://127.0.0.1:1/v1"));
    assertEquals([away.results, read()], [null, before]);
    reply = () => {
      interrupted.abort();
      return errorResponse(503, "busy");
    };
    const stopped = await runConfig(config("overwrite=true"), { signal: interrupted.signal });
    assertEquals([stopped.stopped?.why, read()], ["signal", before]);
    // run.yaml would go on with the earlier run
    const [last = ""] = endingLines(stopped).slice(-1);
    assertStringIncludes(last, "To continue, start it again as it was started");
    assertEquals(last.includes("deno task"), false, last);
    // one new answer, and the others are gone, with the run's description
    let answers = 1;
    reply = () => answers-- > 0 ? undefined : errorResponse(401, "bad key");
    const one = await runConfig(config("overwrite=true", "model.run_args.temperature=0.5"));
    assertEquals([one.results?.counts.answered, read()[0]!.trimEnd().split("\n").length], [1, 1]);
    assertStringIncludes(read()[1]!, "temperature: 0.5");
    // all answers are new and none is judged: what is left isn't a report of answers that are gone
    reply = (body) => asksJudge(body) ? errorResponse(401, "bad key") : undefined;
    const unjudged = await runConfig(config("overwrite=true"));
    assertEquals([unjudged.results, reportsIn(config().out_dir)], [null, []]);
    assertStringIncludes(
      unjudged.unreported ?? "",
      "written; those of an earlier run are removed (results.json",
    );
  });
});

Deno.test("a signal before the first answer leaves no report", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(5));
    const interrupted = new AbortController();
    await using server = mockServer({
      respond: () => {
        interrupted.abort();
        return errorResponse(503, "busy");
      },
    });
    const config = rowsConfig(folder, server.base);
    const done = await runConfig(config, { signal: interrupted.signal });
    assertEquals([done.results, done.stopped?.why, reportsIn(config.out_dir)], [null, "signal", []]);
    assertStringIncludes(done.unreported ?? "", "None of 5 items is answered");
  });
});

Deno.test("a signal before the items are read leaves no report and asks nothing", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(5));
    await using server = mockServer({});
    const config = rowsConfig(folder, server.base);
    const { why } = await assertRejects(
      () => runConfig(config, { signal: AbortSignal.abort() }),
      Stopped,
      "before any was asked",
    );
    assertEquals([why, server.log.length, exists(config.out_dir)], ["signal", 0, false]);
  });
});

Deno.test("a judge that can't be asked at all leaves answers and no report; one verdict is enough for one", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(5));
    let verdicts = 0;
    await using server = mockServer({
      respond: ({ body }) => asksJudge(body) && verdicts-- <= 0 ? errorResponse(401, "bad key") : undefined,
    });
    const config = rowsConfig(folder, server.base, ["concurrency=1"]);
    const done = await runConfig(config);
    assertEquals([done.results, done.complete, reportsIn(config.out_dir)], [null, false, []]);
    assertStringIncludes(done.unreported ?? "", "5 answers are kept, none of them judged: no scores");
    verdicts = 1;
    const second = await runConfig(config);
    assertEquals([second.results?.counts.judged, second.unreported], [1, null]);
  });
});

Deno.test("a finished run's reports stay where another judge, or the same one again, can't be asked", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    let allowed = true;
    await using server = mockServer({ respond: () => allowed ? undefined : errorResponse(401, "bad key") });
    const config = (...own: string[]) => rowsConfig(folder, server.base, ["cache=false", ...own]);
    assertEquals((await runConfig(config())).complete, true);
    const results = join(config().out_dir, "results.json"), before = await Deno.readTextFile(results);
    allowed = false;
    const starts = [
      await runConfig(config("evaluator_llm.args.name=other")),
      await runConfig(config(), { rejudge: true }),
    ];
    for (const { unreported, results: none } of starts) {
      assertEquals(none, null);
      assertStringIncludes(
        unreported ?? "",
        "3 answers are kept, none of them judged: no scores and no report are written",
      );
      assertStringIncludes(unreported ?? "", "; those of an earlier start stay as they are (results.json");
    }
    assertEquals(await Deno.readTextFile(results), before);
    // the verdicts stay too: they are given up for the first new one
    assertStringIncludes(
      starts[1]?.unreported ?? "",
      "; the 3 verdicts of an earlier start stay until the first new one",
    );
    const shown = await runConfig(config(), { stage: "report" });
    assertEquals([shown.complete, shown.results?.counts.judged], [true, 3]);
    allowed = true;
    const again = await runConfig(config(), { rejudge: true });
    assertEquals([again.complete, again.results?.counts.judged, again.results?.usage.requests], [true, 3, 3]);
  });
});

Deno.test("a judge that can't be asked about answers, one by one, takes no verdict away, its own or another's", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    let busy: RegExp | null = null;
    await using server = mockServer({
      respond: ({ body }) =>
        busy !== null && asksJudge(body) && busy.test(body.messages.at(-1)!.content)
          ? errorResponse(503, "engine overloaded")
          : undefined,
    });
    const config = (...own: string[]) =>
      rowsConfig(folder, server.base, ["cache=false", "max_retries=0", "concurrency=1", ...own]);
    assertEquals((await runConfig(config())).complete, true);
    const results = join(config().out_dir, "results.json"), before = await Deno.readTextFile(results);
    const judgedNow = async () => (await runConfig(config(), { stage: "report" })).results?.counts.judged;
    busy = /Question \d:/;
    // twice: what was kept once is kept again
    for (const _ of [1, 2]) {
      const { results: none, stopped, unreported } = await runConfig(config(), { rejudge: true });
      assertEquals([none, stopped], [null, null]);
      assertStringIncludes(unreported ?? "", "; the 3 verdicts of an earlier start stay until the first new");
      assertEquals([await Deno.readTextFile(results), await judgedNow()], [before, 3]);
      await Deno.writeTextFile(results, before);
    }
    // another judge in vain, then the first one again: nothing is asked
    await runConfig(config("evaluator_llm.args.name=other"));
    const asked = server.log.length, back = await runConfig(config());
    assertEquals([server.log.length - asked, back.complete, back.results?.counts.judged], [0, true, 3]);
    // one new verdict is enough to give up those of before
    busy = /Question [02]:/;
    const { results: part } = await runConfig(config(), { rejudge: true });
    assertEquals([part?.counts.judged, part?.counts.unjudged], [1, 2]);
    assertEquals(await judgedNow(), 1);
    assertStringIncludes(part?.counts.reasons[0]?.reason ?? "", "engine overloaded");
    // why is that judge's: of another one that stops in front of the last answer nothing is told
    busy = null;
    const other = await runConfig(config("evaluator_llm.args.name=third", "budget.requests=1"));
    assertEquals([other.stopped?.why, other.results?.counts.judged, other.results?.counts.reasons], [
      "budget",
      1,
      [],
    ]);
  });
});

Deno.test("another judge that fails for all, each error one that may pass, leaves the first one's reports", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(5));
    let reply: Respond = () => undefined;
    await using server = mockServer({ respond: ({ body }) => reply(body) });
    const config = (...own: string[]) =>
      rowsConfig(folder, server.base, ["concurrency=1", "max_retries=0", "cache=false", ...own]);
    // one of five is never answered: the run is as whole as it gets
    const isBad = (body: Parameters<Respond>[0]) => body.messages.at(-1)!.content.startsWith("Question 2:");
    reply = (body) => isBad(body) ? errorResponse(400, "no") : undefined;
    assertEquals((await runConfig(config())).results?.counts.judged, 4);
    const results = join(config().out_dir, "results.json"), before = await Deno.readTextFile(results);
    reply = (body) =>
      isBad(body) ? errorResponse(400, "no") : asksJudge(body) ? errorResponse(503, "busy") : undefined;
    const { results: none, stopped, unreported } = await runConfig(config("evaluator_llm.args.name=other"));
    assertEquals([none, stopped, await Deno.readTextFile(results)], [null, null, before]);
    assertStringIncludes(
      unreported ?? "",
      "4 answers are kept, none of them judged: no scores and no report are written",
    );
    assertStringIncludes(unreported ?? "", "; those of an earlier start stay as they are (results.json");
  });
});

Deno.test("a run whose every request fails, without an end to it, writes no report of nothing", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer({ respond: () => errorResponse(400, "no") });
    const config = rowsConfig(folder, server.base, ["concurrency=1"]);
    const { results, unreported } = await runConfig(config);
    assertEquals([results, reportsIn(config.out_dir)], [null, []]);
    assertStringIncludes(unreported ?? "", "None of 3 items is answered");
  });
});

Deno.test("overwrite with another model leaves no result file of the earlier one", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer({});
    const config = (...own: string[]) => rowsConfig(folder, server.base, own);
    await runConfig(config());
    await Deno.writeTextFile(join(config().out_dir, "rows_mine.json"), "{}");
    assertEquals(reportsIn(config().out_dir).includes("rows_writer.json"), true);
    await runConfig(config("overwrite=true", "model.args.name=another"));
    assertEquals(reportsIn(config().out_dir), [
      "report.html",
      "report.md",
      "results.json",
      "rows_another.json",
      "rows_mine.json",
    ]);
  });
});

Deno.test("a start that is refused leaves nothing in out_dir", async () => {
  await inFolder(async (folder) => {
    const rows = join(folder, "rows.jsonl"), config = rowsConfig(folder, "http://127.0.0.1:1/v1");
    await Deno.writeTextFile(rows, "");
    const refused = () => assertRejects(() => runConfig(config), RangeError, rows);
    await refused();
    assertEquals(exists(config.out_dir), false);
    await Deno.mkdir(config.out_dir);
    await Deno.writeTextFile(join(config.out_dir, "notes.txt"), "mine");
    await refused();
    assertEquals([...Deno.readDirSync(config.out_dir)].map(({ name }) => name), ["notes.txt"]);
  });
});
