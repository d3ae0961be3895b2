/** Fields that nobody reads are told, with the one that was meant. Expected texts are by hand. */
import { assertEquals, assertRejects } from "@std/assert";

import { Scalar } from "../../../kernels/tape.ts";
import { answer, attributes, dataset, example, fault, madeItem, madeOf, pair, source } from "./_made.ts";

const { signal } = new AbortController();
const loss = () => ({ loss: new Scalar(1), metrics: {} });
const judged = { constraints: [], overall: { score: 1 }, raw: "" };
const reply = { outcome: "stop", text: "t", promptTokens: 1, completionTokens: 1 };
const template = {
  name: "t",
  stopWords: [],
  replaceEos: false,
  defaultSystem: "",
  encodeTurns: () => [],
  encodePrompt: () => [],
};

Deno.test("what is given has no field that nobody reads", async () => {
  const convert = (converted: unknown) => () =>
    madeOf("dataset", dataset(() => converted)).convert({}, attributes, source);
  const asked = { id: "a", prompt: "", response: "", constraints: [] };
  const judge = (result: object) => () =>
    madeOf("judge", { scale: 1, judge: () => result }).judge(asked, signal);
  const ask = (more: object) => () =>
    madeOf("endpoint", { model: "m", complete: () => ({ ...reply, ...more }), close: () => {} })
      .complete({} as never, signal);
  const benchmark = (items: unknown[], contributions: unknown = []) =>
    madeOf("benchmark", { items: () => items, contributions: () => contributions });
  const items = (more: object) => () => Array.fromAsync(benchmark([{ ...madeItem, ...more }]).items());
  const contribute = (more: object) => () =>
    benchmark([], [{ metric: "m", value: 1, weight: 1, ...more }])
      .contributions({ item: madeItem as never, response: "", judgement: judged });
  for (
    const [give, path, expected] of [
      [
        convert({ ...example, sytem: "be brief" }),
        "convert().sytem of row 3 of a.jsonl",
        '(source, shape, system, tools, variables, prompts, answers, desirable, task) is needed - did you mean "system"?: current value is "be brief"; spell it "system", or leave it out',
      ],
      [
        convert({ ...example, answers: { y: { ...answer, thougt: "hm" } } }),
        "convert().answers.y.thougt of row 3 of a.jsonl",
        '(role, content, said, thought, fields, learnt, results) is needed - did you mean "thought"?: current value is "hm"; spell it "thought", or leave it out',
      ],
      [
        convert({ ...example, answers: { y: answer, z: answer } }),
        "convert().answers.z of row 3 of a.jsonl",
        '(y) is needed: current value is {"role": "assistant", "content": "a"}; leave it out',
      ],
      [
        convert({ source, reason: "r", field: "", row: 3 }),
        "convert().row of row 3 of a.jsonl",
        "(source, reason, field) is needed: current value is 3; leave it out",
      ],
      [
        judge({ ...judged, overall: { score: 1, reasons: "why" } }),
        "judge().overall.reasons",
        '(score, reason) is needed - did you mean "reason"?: current value is "why"; spell it "reason", or leave it out',
      ],
      [
        ask({ thinking: "hm" }),
        "complete().thinking",
        "(outcome, text, promptTokens, completionTokens, thought, error, failure, estimated, answeredBy) is needed: " +
        'current value is "hm"; leave it out',
      ],
      [
        items({ constraints: [{ text: "c", groups: {}, rules: { id: "r", kwargs: {} } }] }),
        "items().constraints[0].rules number 0, from 0,",
        '(text, groups, rule) is needed - did you mean "rule"?: current value is {"id": "r", "kwargs": {}}; spell it "rule", or leave it out',
      ],
      [
        contribute({ maximum: 3 }),
        "contributions()[0].maximum",
        "(metric, value, weight, group, max) is needed: current value is 3; leave it out",
      ],
    ] as const
  ) {
    const { message } = await assertRejects(async () => await give(), TypeError);
    assertEquals(
      message.replace(/^dataset\/mine of my.ts: /, ""),
      `Cannot use ${path} as a field that is read ${expected}`,
    );
  }
});

Deno.test("a field that holds nothing is none", async () => {
  const { signal } = new AbortController();
  const verdict = { score: 1, confidence: undefined };
  const judge = madeOf("judge", { scale: 1, judge: () => ({ ...judged, overall: verdict }) });
  assertEquals(
    (await judge.judge({ id: "a", prompt: "", response: "", constraints: [] }, signal)).overall,
    verdict,
  );
  const converting = madeOf("dataset", dataset(() => ({ ...example, label: undefined })));
  assertEquals(Object.hasOwn(converting.convert({}, attributes, source), "label"), true);
});

Deno.test("a product has no field that looks like an optional one which it lacks; others are its own", () => {
  const endpoint = { model: "m", complete: () => {}, close: () => {} };
  for (
    const [kind, product, written, meant] of [
      ["loss", { ...pair, loss, initialloss: 0.7 }, "initialloss", "initialLoss"],
      ["loss", { ...pair, loss, summarise: () => ({}) }, "summarise", "summarize"],
      ["template", { ...template, efficientEOS: true }, "efficientEOS", "efficientEos"],
      ["judge", { scale: 1, judge: () => {}, titles: "x" }, "titles", "title"],
      ["endpoint", { ...endpoint, identitiy: { a: 1 } }, "identitiy", "identity"],
      ["benchmark", { items: () => [], contributions: () => [], protocoll: {} }, "protocoll", "protocol"],
      ["trainer", { train: () => {}, memroy: () => {} }, "memroy", "memory"],
    ] as const
  ) {
    const text = fault(() => madeOf(kind, product));
    assertEquals(
      text.startsWith(
        `${kind}/mine of my.ts: Cannot use create().${written} as a field that is read is needed - did you mean "${meant}"?: current value is `,
      ),
      true,
      text,
    );
    assertEquals(text.endsWith(`; spell it "${meant}", or leave it out`), true, text);
  }
  class Timed {
    readonly model = "m";
    note = "a field of its own, like notes";
    complete = () => {};
    close = () => {};
  }
  assertEquals(madeOf("endpoint", new Timed()).model, "m");
  assertEquals(madeOf("endpoint", { ...endpoint, notes: [], note: 3, rates: 1 }).model, "m");
});
