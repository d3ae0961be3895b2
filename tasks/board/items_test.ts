/** The board over HTTP: items of evaluations, and what people mark them as. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { Labels } from "../eval/judge_card/labels.ts";
import { HOSTILE_TEXTS, makeEvaluation } from "./_made_runs.ts";
import { beginBoard } from "./_begun_board.ts";

Deno.test("items are filtered, searched, compared and marked; the judge card counts the marks", async () => {
  const folder = temporaryFolder();
  // the second evaluation loses the first five items and wins one, and one has a thought alone
  await makeEvaluation(join(folder, "a"), (text) => text);
  await makeEvaluation(
    join(folder, "b"),
    (text, i) => i < 5 ? "No." : i === 11 ? "A title" : i === 12 ? "<think>hm" : text,
  );
  // what is no whole file of results hides no other run
  await Deno.mkdir(join(folder, "c"));
  for (const name of ["run.yaml", "items.jsonl"]) {
    await Deno.copyFile(join(folder, "a/run", name), join(folder, "c", name));
  }
  await Deno.writeTextFile(join(folder, "c/results.json"), '{"model": "ti');
  await using board = await beginBoard([folder], { control: true });
  const ask = async (path: string, query: Record<string, string | number>) => {
    const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    return await until(`${path} that is read`, async () => {
      const reply = await fetch(`${board.address}api/${path}?${text}`);
      const body = await reply.json();
      return body.reading === undefined && (reply.ok ? body : reply.status);
    });
  };
  const { evaluations } = await ask("runs", {}).then(async () => {
    const stream = await fetch(`${board.address}api/events`);
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n\n")) text += (await reader.read()).value;
    await reader.cancel();
    return JSON.parse(/data: (.*)/.exec(text)![1]!);
  });
  assertEquals(
    evaluations.map(({ id, result }: { id: string; result: { items: number; unscored: number } | null }) => [
      id,
      result?.items,
      result?.unscored,
    ]).sort(),
    [["0:a/run", 22, 0], ["0:b/run", 22, 1], ["0:c", undefined, undefined]],
  );
  const run = "0:a/run", passing = HOSTILE_TEXTS.filter((text) => text.includes("title")).length;
  const all = await ask("items", { run });
  assertEquals([all.total, all.rows.length, all.rows[3].id], [
    HOSTILE_TEXTS.length,
    HOSTILE_TEXTS.length,
    "item 3",
  ]);
  assertEquals((await ask("items", { run, status: "pass" })).total, passing);
  assertEquals((await ask("items", { run, status: "fail" })).total, HOSTILE_TEXTS.length - passing);
  assertEquals(
    (await ask("items", { run, search: "SVG ONLOAD" })).rows.map((row: { id: string }) => row.id),
    ["item 3"],
  );
  assertEquals((await ask("items", { run, search: "item 7" })).total, 1);
  assertEquals((await ask("items", { run, search: "' OR 1=1 --" })).total, 0);
  assertEquals((await ask("items", { run, from: 20 })).rows.length, HOSTILE_TEXTS.length - 20);
  assertEquals(await ask("items", { run, from: -1 }), 400);
  const { item, row } = await ask("item", { run, id: "item 2" });
  assertEquals([item.response, item.constraints[0].text, row.status], [
    HOSTILE_TEXTS[2],
    HOSTILE_TEXTS[2],
    "pass",
  ]);
  assertEquals(await ask("item", { run, id: "gone" }), 404);

  const pairs = await ask("pairs", { a: run, b: "0:b/run" });
  assertEquals(pairs.total, HOSTILE_TEXTS.length);
  const flips = pairs.rows.slice(0, 6).map((
    pair: { id: string; second: { value: number } },
  ) => [pair.id, pair.second.value]);
  assertEquals(flips, [...[0, 1, 2, 3, 4].map((i) => [`item ${i}`, 0]), ["item 11", 1]]);
  assertEquals((await ask("pairs", { a: run, b: "0:b/run", which: "better" })).total, 1);
  const scores = await ask("pair_scores", { a: run, b: "0:b/run" });
  assertEquals([scores.shared, scores.scores[0].mcnemar.onlyFirst, scores.scores[0].mcnemar.onlySecond], [
    22,
    5,
    1,
  ]);
  assertEquals(scores.scores[0].items, 21);
  assertStringIncludes(scores.notes.join(), "are of the items that have the score in both runs");

  const { origin } = new URL(board.address);
  const mark = async (body: Record<string, unknown>, headers: Record<string, string> = { origin }) => {
    const reply = await fetch(`${board.address}api/label`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    await reply.body?.cancel();
    return reply.status;
  };
  for (
    const [id, label] of [["item 0", "right"], ["item 1", "wrong"], ["item 2", "wrong"], ["item 2", "none"]]
  ) {
    assertEquals(await mark({ run, id, constraint: 0, label }), 200);
  }
  assertEquals(await mark({ run, id: "item 0", constraint: 1, label: "right" }), 404);
  assertEquals(await mark({ run, id: "item 0", constraint: 0, label: "maybe" }), 400);
  assertEquals(await mark({ run, id: "item 0", constraint: 0, label: "right" }, {}), 403);
  assertEquals((await ask("item", { run, id: "item 1" })).labels[0].label, "wrong");
  const labels = new Labels(join(folder, "a/run"));
  assertEquals(
    [labels.size, labels.of("item 0", HOSTILE_TEXTS[0]!).length, labels.of("item 0", "another").length],
    [2, 1, 0],
  );
  // marks go into no other folder
  const elsewhere = join(folder, "elsewhere.jsonl");
  await Deno.symlink(elsewhere, join(folder, "b/run/labels.jsonl"));
  for (const text of ["", "0"]) {
    if (text !== "") await Deno.writeTextFile(elsewhere, "");
    assertEquals(await mark({ run: "0:b/run", id: "item 6", constraint: 0, label: "right" }), 404);
  }
  assertEquals(await Deno.readTextFile(elsewhere), "");
  // two verdicts "met": one right, one wrong
  const { agreement } = await ask("card", { run });
  assertEquals([agreement.constraints, agreement.accuracy, agreement.tooKind], [2, 0.5, 0.5]);
});
