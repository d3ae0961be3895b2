import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { findScore } from "../../plugins/benchmarks/scores.ts";
import { mockServer } from "../bench/eval/mock_server.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";

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
