import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { builtinRegistry } from "../../../plugins/builtins.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import { completionResponse, type MockRequest, mockServer } from "../../bench/eval/mock_server.ts";
import { compareDirectories, compareRuns, type Comparison } from "../compare/compare.ts";
import { openRun } from "../store/open_run.ts";
import { tablePaths } from "../../common/report/table_files.ts";
import type { PairedScore } from "../statistics/paired.ts";
import { comparisonText, writeComparison } from "./comparison.ts";
import { nothingComparedText, worseText } from "./comparison_gate.ts";

/** `worse` of 60 items have a lower score in the second run, and `unscored` have none. */
async function compared(
  folder: string,
  { worse, unscored = 0 }: { worse: number; unscored?: number },
): Promise<Comparison> {
  await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(60));
  await using server = mockServer({
    respond: ({ body }) => {
      const prompt = body.messages.at(-1)!.content;
      if (!prompt.includes("< constraints >:")) return undefined;
      const texts = [...prompt.matchAll(/^\d\. constraint \d of (\d+);$/gm)];
      const item = Number(texts[0]![1]);
      const second = prompt.includes("second");
      if (second && item >= 60 - unscored) return completionResponse("I'd rather not say.");
      const score = second && item < worse ? 2 : 10;
      const scores = JSON.stringify(Object.fromEntries(texts.map((m) => [m[0], score])));
      return completionResponse(`Fine Grained Score: [${scores}]\nConstraints Overall Score: [[${score}]]`);
    },
    text: ({ body }) => `answer of ${body.model}`,
  });
  for (const name of ["first", "second"]) {
    await runConfig(
      rowsConfig(folder, server.base, [
        `out_dir=${join(folder, name)}`,
        `model.args.name=${name}`,
        "cache=false",
      ]),
      {
        stage: "generate",
      },
    );
    await runConfig(
      rowsConfig(folder, server.base, [
        `out_dir=${join(folder, name)}`,
        `model.args.name=${name}`,
        "cache=false",
      ]),
    );
  }
  return await compareDirectories(join(folder, "first"), join(folder, "second"), builtinRegistry());
}

Deno.test("comparisonText() fits 80 columns, and lists of ids are short; all are in the comparison", async () => {
  await inFolder(async (folder) => {
    const comparison = await compared(folder, { worse: 25, unscored: 5 });
    const text = comparisonText(comparison, 80);
    for (const line of text.split("\n")) assert(line.length <= 80, `${line.length}: ${line}`);
    assertStringIncludes(text, "followed: 25 items worse in B: row-0,");
    assertStringIncludes(text.replaceAll(/\s+/g, " "), "row-9, and 15 more");
    assert(!text.includes("row-10,"));
    assertEquals(comparison.flipped.length, 25);
    // its unit, as a run's own report has another
    assertStringIncludes(
      text.replaceAll(/\s+/g, " "),
      "60 items in both; shares are fractions of 1 (0.5 is 50 %) note:",
    );
    // one note for all scores, and a table of them
    assertEquals(text.match(/^note: /gm)?.length, 1);
    assertMatch(
      text,
      /^score +A of all +B of all +unscored A : B\nfollowed +1\.0000 +0\.5000 +0 : 5\nconstraint /m,
    );
    const followed = comparison.scores.find(({ metric }) => metric === "followed")!;
    // by hand: of 55 pairs 25 fell; of all 60, 30 are met and 5 are misses
    assertEquals([followed.items, followed.first, followed.second], [55, 1, 30 / 55]);
    assertEquals([followed.ofAll, followed.unscored], [[1, 0.5], [0, 5]]);
    // the columns that don't fit are named
    assertStringIncludes(text, "(left out at this width: std. error");
    assertStringIncludes(comparisonText(comparison, 140), "std. error");
  });
});

Deno.test("a comparison names what its runs store and their data has no more, and a run without a judge", async () => {
  await inFolder(async (folder) => {
    const rows = join(folder, "rows.jsonl"), text = rowsText(6);
    await Deno.writeTextFile(rows, text);
    let isBusy = false;
    const respond = ({ body }: MockRequest) => {
      const prompt = body.messages.at(-1)?.content ?? "";
      return isBusy && prompt.includes("< constraints >:") && prompt.includes("Question 1:")
        ? Response.json({ error: { message: "busy" } }, { status: 503 })
        : undefined;
    };
    await using server = mockServer({ respond });
    for (const name of ["first", "second", "answers"]) {
      const only = name === "answers" ? { stage: "generate" as const } : {};
      await runConfig(rowsConfig(folder, server.base, [`out_dir=${join(folder, name)}`]), only);
    }
    const notes = async (second: string) =>
      (await compareDirectories(join(folder, "first"), join(folder, second), builtinRegistry())).notes;
    assertEquals(await notes("second"), []);
    assertEquals(await notes("answers"), [
      "the judges differ: grader and none",
      "B: none of these items has a score followed, constraint, mean",
    ]);
    // a verdict that the judge was asked for in vain isn't one that the data has no more
    isBusy = true;
    await runConfig(
      rowsConfig(folder, server.base, [`out_dir=${join(folder, "busy")}`, "max_retries=0", "cache=false"]),
    );
    assertEquals(await notes("busy"), []);
    // one item another prompt, one gone, one other constraints
    const [zero, one, , ...others] = text.split("\n");
    const changed = [zero!.replace("Question", "Task"), one!.replace("constraint 0", "rule 0"), ...others];
    await Deno.writeTextFile(rows, changed.join("\n"));
    assertEquals(
      await notes("second"),
      ["A", "B"].flatMap((run) => [
        `${run}: 2 of 6 stored answers don't count, as its data no longer has their items or has them with another prompt: ` +
        "restore the data, or run it again",
        `${run}: 1 of 6 stored judgements don't count, as they are of another answer or of other constraints: restore the ` +
        "data, or run it again",
      ]),
    );
  });
});

Deno.test("a comparison counts items of one id with another prompt, and of one prompt with other constraints", async () => {
  await inFolder(async (folder) => {
    await using server = mockServer();
    const text = rowsText(6);
    const [zero, one, two, ...others] = text.split("\n");
    const changed = [
      zero!.replace("Question", "Task"),
      one!.replace("constraint 0", "rule 0"),
      two!.replace(/,"1\. constraint.*?"/, "").replace("2. constraint", "2. rule"),
      ...others,
    ];
    for (const [name, rows] of [["first", text], ["second", changed.join("\n")]] as const) {
      await Deno.writeTextFile(join(folder, `${name}.jsonl`), rows);
      const own = [`dataset.args.url=${join(folder, `${name}.jsonl`)}`, `out_dir=${join(folder, name)}`];
      await runConfig(rowsConfig(folder, server.base, own));
    }
    const { notes } = await compareDirectories(
      join(folder, "first"),
      join(folder, "second"),
      builtinRegistry(),
    );
    assertEquals(notes.slice(0, 2), [
      "1 item has the same id and another prompt",
      "2 items have the same prompt and other constraints",
    ]);
  });
});

Deno.test("worseText(): a lower score is worse, and so is one that is the same of what is scored but has more unscored", async () => {
  await inFolder(async (folder) => {
    const lower = await compared(folder, { worse: 2 });
    assertStringIncludes(worseText(lower, "")!, "Worse: followed is 0.9667 after 1.0000 (-0.0333; 95 %:");
    assertStringIncludes(worseText(lower, "constraint")!, "Worse: constraint is ");
    assertThrows(() => worseText(lower, "folowed"), RangeError, 'did you mean "followed"');
  });
  await inFolder(async (folder) => {
    const silent = await compared(folder, { worse: 0, unscored: 3 });
    assertEquals(silent.scores[0]!.difference, 0);
    assertStringIncludes(worseText(silent, "")!, "Worse: followed is 0.9500 of all after 1.0000");
  });
  await inFolder(async (folder) => assertEquals(worseText(await compared(folder, { worse: 0 }), ""), null));
});

Deno.test("nothingComparedText(): a score that no item has in both runs is said", async () => {
  await inFolder(async (folder) => {
    const none = await compared(folder, { worse: 0, unscored: 60 });
    assertEquals(none.scores[0]!.difference, null);
    const text = "Nothing compared: no item has a score followed in both runs (unscored are 0 in A, 60 in B)";
    assertStringIncludes(nothingComparedText(none)!, text);
    assertThrows(() => nothingComparedText(none, "folowed"), RangeError, 'did you mean "followed"');
    const empty = nothingComparedText({ ...none, scores: [], headline: "" });
    assertStringIncludes(empty!, "no item has a score in either run");
  });
});

Deno.test("a run without any score has none as misses either: –, null and an empty cell, with a note", async () => {
  await inFolder(async (folder) => {
    const none = await compared(folder, { worse: 0, unscored: 60 });
    const text = comparisonText(none).replaceAll(/\s+/g, " ");
    assertStringIncludes(text, "note: B: none of these items has a score followed, ");
    assertStringIncludes(text, "followed 1.0000 – 0 : 60 ");
    // what --json prints
    const { scores: [followed], notes } = JSON.parse(JSON.stringify(none));
    assertEquals([followed.metric, followed.ofAll, followed.unscored], ["followed", [1, null], [0, 60]]);
    assertEquals(notes.filter((note: string) => note.includes("none of these items")).length, 1);
    // misses can't open a gate
    assertStringIncludes(
      worseText(none, "") ?? "",
      "Worse: followed has no score after 1.0000, what is unscored counting as misses (0 before, 60 now)",
    );

    const paths = await writeComparison(none, tablePaths([join(folder, "t")]));
    const [md, csv, tex] = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
    assertStringIncludes(md ?? "", "; –: no item has the score in both runs");
    const [head, row] = (csv ?? "").split("\r\n").map((line) => line.split(","));
    const cell = (name: string) => row?.[head?.indexOf(name) ?? -1];
    assertEquals([cell("a_of_all"), cell("b_of_all"), cell("b_unscored")], ["1", "", "60"]);
    for (const file of [text, md, tex]) assert(!/\b0\.0000/.test(file ?? ""), file);
  });
});

Deno.test("a score that only the first run has is compared as one that the second lacks, with a note", async () => {
  await inFolder(async (folder) => {
    const registry = builtinRegistry();
    await compared(folder, { worse: 0 });
    const [a, b] = [
      await openRun(join(folder, "first"), registry),
      await openRun(join(folder, "second"), registry),
    ];
    using _a = a.store;
    using _b = b.store;
    const { benchmark } = a.part;
    const more = Object.assign(Object.create(benchmark), {
      contributions: (item: Parameters<typeof benchmark.contributions>[0]) => [
        ...benchmark.contributions(item),
        { metric: "length", value: 30, weight: 1, max: 60 },
      ],
    });
    const { scores, notes } = await compareRuns({ ...a, part: { ...a.part, benchmark: more } }, b, 10);
    const length = scores.find(({ metric }) => metric === "length");
    assertEquals([length?.items, length?.ofAll], [0, [30, null]]);
    assert(
      notes.some((note) => note.startsWith("B: none of these items has a score length")),
      notes.join("\n"),
    );
  });
});

Deno.test("writeComparison() writes Markdown, CSV with every number, and LaTeX", async () => {
  await inFolder(async (folder) => {
    const comparison = await compared(folder, { worse: 6 });
    // a folder that isn't there yet is made
    const paths = tablePaths([join(folder, "new", "t")]);
    assertEquals(paths, [".md", ".csv", ".tex"].map((ending) => join(folder, "new", `t${ending}`)));
    assertEquals(tablePaths([`${folder}/`])[0], join(folder, "comparison.md"));
    await writeComparison(comparison, paths);
    const [md, csv, tex] = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
    assertStringIncludes(md!, "| followed | 1.0000 | 0.9000 | -0.1000 |");
    const [head, row] = csv!.split("\r\n").map((line) => line.split(","));
    const number = (name: string) => Number(row![head!.indexOf(name)]);
    assertEquals([number("a"), number("b"), number("only_a"), number("only_b"), number("items")], [
      1,
      0.9,
      6,
      0,
      60,
    ]);
    assertStringIncludes(tex!, "\\begin{tabular}");
    assertStringIncludes(tex!, "followed & 1.0000 & 0.9000 & $-$0.1000 &");
  });
});

Deno.test("a comparison's files say what the unscored do to both runs, and where that turns which one is better", async () => {
  await inFolder(async (folder) => {
    // by hand: of 60 items A follows 42 of 60 and B 30 of the 36 that have a score, which is less of all
    const score: PairedScore = {
      metric: "followed",
      first: 25 / 36,
      second: 30 / 36,
      difference: 5 / 36,
      stderr: 0.05,
      interval: [0.01, 0.2],
      mcnemar: { onlyFirst: 3, onlySecond: 8, p: 0.227 },
      items: 36,
      ofAll: [42 / 60, 30 / 60],
      unscored: [0, 24],
    };
    const comparison: Comparison = {
      ...{ models: ["small", "large"], benchmark: "rows 3", shared: 60, unshared: 2, headline: "followed" },
      ...{ scores: [score], flipped: [], notes: ["the models were sampled differently"] },
    };
    assertStringIncludes(
      comparisonText(comparison, 300),
      "note: with the unscored as misses it is the other way round: followed\n",
    );
    // the rounding of sums in another order turns nothing
    const same = { ...comparison, scores: [{ ...score, second: 25 / 36 + 2e-16, difference: 2e-16 }] };
    assert(!comparisonText(same, 300).includes("the other way round"));
    const path = join(folder, "c.md");
    await writeComparison(comparison, [path]);
    const text = await Deno.readTextFile(path);
    assertStringIncludes(text, "| items | A of all | B of all | unscored A : B |");
    assertStringIncludes(text, "| 36 | 0.7000 | 0.5000 | 0 : 24 |");
    assertStringIncludes(
      text,
      "A: small, B: large, on rows 3, 60 items in both, 2 in one only (left out); shares are fractions of 1 (0.5 is 50 %); A, B and their " +
        "difference are of the items " +
        'that have the score in both runs; "of all" counts the unscored as misses; with the unscored as misses it is the other way ' +
        "round: followed; " +
        "the models were sampled differently",
    );
    const whole = {
      ...score,
      ofAll: [25 / 36, 30 / 36] as [number, number],
      unscored: [0, 0] as [number, number],
    };
    await writeComparison({ ...comparison, unshared: 0, scores: [whole], notes: [] }, [path]);
    const plain = await Deno.readTextFile(path);
    assert(!/of all|unscored/.test(plain), plain);
  });
});
