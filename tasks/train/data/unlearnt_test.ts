import { assert, assertEquals } from "@std/assert";
import { bundledTokenizer, infoOf, learntAnswers, loadWritten } from "../../../tests/helpers/written_sets.ts";

Deno.test("a turn with weight 0 (train, training, loss: false) is shown and not learnt; a row so marked is dropped", async () => {
  const talk = (mark: Record<string, unknown>) => ({
    messages: [
      { role: "user", content: "a" },
      { role: "assistant", content: "bad", ...mark },
      { role: "user", content: "b" },
      { role: "assistant", content: "good", weight: 1 },
    ],
  });
  for (const mark of [{ weight: 0 }, { train: false }, { training: false }, { loss: false }]) {
    const rows = [talk(mark), { ...talk({}), ...mark }];
    const got = await loadWritten({ "dataset_info.json": infoOf({ formatting: "openai" }), "d.json": rows });
    assertEquals(learntAnswers(got.train), ["good"], JSON.stringify(mark));
    assert(bundledTokenizer.decode(Array.from(got.train[0]!.sequences[0]!.input_ids)).includes("bad"));
    assertEquals(got.report.dropped.map(({ count, reason }) => [count, reason.slice(0, 24)]), [[
      1,
      "row is not to be learnt ",
    ]]);
  }
  const half = await loadWritten({
    "dataset_info.json": infoOf({ formatting: "openai" }),
    "d.json": [talk({}), talk({ weight: 0.5 })],
  });
  assertEquals(half.report.dropped.map(({ reason }) => reason), [
    "weight is neither 0 nor 1 (true nor false)",
  ]);
  const only = { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b", weight: 0 }] };
  const none = await loadWritten({
    "dataset_info.json": infoOf({ formatting: "openai" }),
    "d.json": [talk({}), only],
  });
  assertEquals(none.report.dropped.map(({ reason }) => reason), ["no answer is to be learnt"]);
});

Deno.test("with train_on_prompt a prompt's turn that is marked so isn't learnt, nor one behind a system text that is", async () => {
  const learnt = async (more: Record<string, unknown>, system?: Record<string, unknown>) => {
    const messages = [
      ...(system === undefined ? [] : [{ role: "system", content: "S", ...system }]),
      { role: "user", content: "ask", ...more },
      { role: "assistant", content: "one" },
      { role: "user", content: "again" },
      { role: "assistant", content: "two" },
    ];
    const files = { "dataset_info.json": infoOf({ formatting: "openai" }), "d.json": [{ messages }] };
    const [text] = learntAnswers((await loadWritten(files, { train_on_prompt: true })).train);
    return ["S", "ask", "one", "again", "two"].filter((part) => text?.includes(part)).join();
  };
  assertEquals(await learnt({}), "ask,one,again,two");
  assertEquals(await learnt({ weight: 1 }), "ask,one,again,two");
  assertEquals(await learnt({ weight: 0 }), "one,again,two");
  assertEquals(await learnt({}, {}), "S,ask,one,again,two");
  assertEquals(await learnt({}, { train: false }), "one,again,two");
});

Deno.test("with efficient_eos an unlearnt answer's end isn't learnt either", async () => {
  const turn = (from: string, value: string, more = {}) => ({ from, value, ...more });
  const talk = (mark: object) => ({
    conversations: [turn("human", "a"), turn("gpt", "bad", mark), turn("human", "b"), turn("gpt", "good")],
  });
  const count = async (mark: object) => {
    const files = { "dataset_info.json": infoOf({ formatting: "sharegpt" }), "d.json": [talk(mark)] };
    const got = await loadWritten(files, {}, "sft", "fewshot");
    return got.report.lengths[0]!.labels;
  };
  // the answer with the line breaks that belong to it, and eos as the label of the next turn's first token
  const bad = bundledTokenizer.encode("bad\n\n").length;
  assertEquals(await count({ weight: 0 }), await count({}) - bad - 1);
});
