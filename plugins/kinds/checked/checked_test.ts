/** Faults of a plugin of one's own are told as its own: kind, name, file, the part, the value. Expected texts are by hand. */
import { assertEquals, assertRejects } from "@std/assert";

import { constant, Scalar } from "../../../kernels/tape.ts";
import { silentLog } from "../log_sink.ts";
import { attributes, dataset, example, fault, madeItem as item, madeOf, pair, source } from "./_made.ts";

Deno.test("a dataset's records have to be examples of the loss's shape, or have a reason", () => {
  const convert = (converted: unknown) =>
    madeOf("dataset", dataset(() => converted)).convert({}, attributes, source);
  assertEquals(convert(example), example as unknown as ReturnType<typeof convert>);
  const dropped = { source, reason: "too long", field: "q" };
  assertEquals(convert(dropped), dropped);
  for (
    const [converted, expected] of [
      [undefined, "convert() of row 3 of a.jsonl as an object is needed: current value is missing"],
      [
        Promise.resolve(example),
        "convert() of row 3 of a.jsonl as an object is needed: current value is a Promise",
      ],
      [
        { ...example, shape: "pair" },
        'convert().shape of row 3 of a.jsonl as one of single is needed: current value is "pair"',
      ],
      [
        { ...example, prompts: { x: [{ role: "user", content: 3 }] } },
        "convert().prompts.x[0].content of row 3 of a.jsonl as a text is needed: current value is 3",
      ],
      [
        { ...example, answers: {} },
        "convert().answers.y of row 3 of a.jsonl as an object is needed: current value is missing",
      ],
      [
        { source, reason: "", field: "" },
        'convert().reason of row 3 of a.jsonl as a text that isn\'t empty is needed: current value is ""',
      ],
    ] as const
  ) assertEquals(fault(() => convert(converted)), `dataset/mine of my.ts: Cannot use ${expected}`);
  const throwing = madeOf(
    "dataset",
    dataset(() => {
      throw "just words";
    }),
  );
  assertEquals(
    fault(() => throwing.convert({}, attributes, source)),
    "dataset/mine of my.ts, row 3 of a.jsonl: just words",
  );
  assertEquals(
    fault(() => madeOf("dataset", { ...dataset(() => example), shapes: ["sft"] })),
    "dataset/mine of my.ts: Cannot use create().shapes[0] as one of text, single, pair, kto, iopo, prompt is needed: " +
      'current value is "sft"',
  );
  assertEquals(
    fault(() => madeOf("dataset", undefined)),
    "dataset/mine of my.ts: Cannot use create() as an object is needed: current value is missing",
  );
});

Deno.test("a loss has to declare what its shape has, and to give a finite value of the tape", () => {
  const policy = { chosen: constant(-1), rejected: constant(-2) };
  const inputs = {
    policy,
    reference: {},
    R: {},
    length: { chosen: 1, rejected: 1 },
    divergence: {},
    tokens: {},
    batch: {},
  };
  const ask = (outputs: unknown) => madeOf("loss", { ...pair, loss: () => outputs }).loss(inputs);
  assertEquals(ask({ loss: new Scalar(2), metrics: { a: 1, b: new Scalar(3) } }).loss.value, 2);
  for (
    const [outputs, expected] of [
      [undefined, "Cannot use loss() as an object is needed: current value is missing"],
      [
        { loss: 3, metrics: {} },
        "Cannot use loss().loss as a value made of policy or R (a Scalar) is needed: current value is 3",
      ],
      [
        { loss: new Scalar(1) },
        "Cannot use loss().metrics as a map of names to numbers is needed: current value is missing",
      ],
      [
        { loss: new Scalar(1), metrics: { a: "x" } },
        'Cannot use loss().metrics as a map of names to numbers is needed: current value is {"a": "x"}',
      ],
      [
        { loss: new Scalar(NaN), metrics: {} },
        'Cannot learn from loss() as a finite number is needed: current value is NaN of policy {"chosen":-1,"rejected":-2}',
      ],
    ] as const
  ) assertEquals(fault(() => ask(outputs)), `loss/mine of my.ts: ${expected}`);
  // a model that has run away is no fault of the loss
  const diverged = { ...inputs, policy: { ...policy, chosen: constant(NaN) } };
  const passing = madeOf("loss", { ...pair, loss: () => ({ loss: new Scalar(NaN), metrics: {} }) });
  assertEquals(passing.loss(diverged).loss.value, NaN);
  for (
    const [declared, expected] of [
      [
        { normalize: "tokens" },
        'Cannot use create().normalize as one of examples, label_tokens is needed: current value is "tokens"',
      ],
      [
        { sequences: {} },
        "Cannot use create().sequences as a map of names to [prompt, answer] is needed: current value is {}",
      ],
      [
        { sequences: { a: ["x", "y"] } },
        'Cannot use sequence a as shape pair has the prompts x and the answers chosen, rejected: current value is ["x", "y"]',
      ],
    ] as const
  ) {
    assertEquals(
      fault(() => madeOf("loss", { ...pair, loss: () => {}, ...declared })),
      `loss/mine of my.ts: ${expected}`,
    );
  }
});

Deno.test("a trainer's result, a template's ids and a family's parts are checked; a template's objections stay", async () => {
  const wrong = madeOf("trainer", { train: () => Promise.resolve({ files: [], finished: true }) });
  const { message } = await assertRejects(() => wrong.train({ log: silentLog() } as never), TypeError);
  assertEquals(
    message,
    "trainer/mine of my.ts: Cannot use train().metrics as a map of names to numbers is needed: current value is missing",
  );
  const template = (encodeTurns: () => unknown) =>
    madeOf("template", {
      name: "mine",
      stopWords: [],
      replaceEos: false,
      defaultSystem: "",
      encodeTurns,
      encodePrompt: () => [1],
    });
  const turns = [{ source: [1], target: [2] }];
  const messages = [{ role: "user", content: "q" }, { role: "assistant", content: "a" }] as const;
  assertEquals(template(() => turns).encodeTurns({} as never, { messages, system: "", tools: "" }), turns);
  assertEquals(
    fault(() =>
      template(() => [{ source: [1], target: [undefined] }]).encodeTurns({} as never, {
        messages: [],
        system: "",
        tools: "",
      })
    ),
    "template/mine of my.ts: Cannot use encodeTurns()[0].target as a list of token ids (whole numbers >= 0) is needed: " +
      "current value is [undefined]",
  );
  const objecting = template(() => {
    throw new RangeError("Cannot take two users in a row");
  });
  assertEquals(
    fault(() => objecting.encodeTurns({} as never, { messages: [], system: "", tools: "" })),
    "Cannot take two users in a row",
  );
  assertEquals(
    fault(() => madeOf("model", { modelType: "yours", parse: () => {} })),
    "model/mine of my.ts: Cannot use create().modelType as the plugin's name, \"mine\", by which a config.json's model_type finds it, is " +
      'needed: current value is "yours"',
  );
  assertEquals(
    fault(() => madeOf("model", { modelType: "mine" })),
    "model/mine of my.ts: Cannot use create().parse as a function is needed: current value is missing",
  );
});

Deno.test("a judge gives one verdict per constraint, none outside of its scale, null only with a reason", async () => {
  const request = { id: "a", prompt: "p", response: "r", constraints: [{ text: "c" }, { text: "d" }] };
  const ask = (result: unknown) =>
    madeOf("judge", { scale: 1, judge: () => result }).judge(request, new AbortController().signal);
  const one = { score: 1 }, unread = { score: null, reason: "unread" };
  const whole = { constraints: [one, unread], overall: one, raw: "" };
  assertEquals(await ask(Promise.resolve(whole)), whole as Awaited<ReturnType<typeof ask>>);
  const range = "as a number from 0 to 1, or null, is needed";
  for (
    const [change, expected] of [
      [
        { constraints: [one] },
        '.constraints as a list of 2 verdicts, one per constraint, is needed: current value is [{"score": 1}]',
      ],
      [{ constraints: [one, { score: 5 }] }, `.constraints[1].score ${range}: current value is 5`],
      [{ constraints: [one, { score: -1 }] }, `.constraints[1].score ${range}: current value is -1`],
      [{ constraints: [one, { score: NaN }] }, `.constraints[1].score ${range}: current value is NaN`],
      [{ constraints: [one, { score: "1" }] }, `.constraints[1].score ${range}: current value is "1"`],
      [
        { constraints: [one, { score: null }] },
        ".constraints[1].reason as a reason beside score: null is needed: current value is missing",
      ],
      [{ overall: undefined }, ".overall as an object is needed: current value is missing"],
      [{ overall: { score: 7 } }, `.overall.score ${range}: current value is 7`],
    ] as const
  ) {
    const { message } = await assertRejects(() => ask(Promise.resolve({ ...whole, ...change })), TypeError);
    assertEquals(message, `Cannot use judge()${expected}`);
  }
});

Deno.test("a benchmark's items and contributions, and an endpoint's answers, are what a run can use", async () => {
  const benchmark = (items: unknown[], contributions: unknown = []) =>
    madeOf("benchmark", {
      async *items() {
        for (const each of items) yield await Promise.resolve(each);
      },
      contributions: () => contributions,
    });
  assertEquals(await Array.fromAsync(benchmark([item]).items()), [item] as never);
  const { message } = await assertRejects(() =>
    Array.fromAsync(benchmark([item, { ...item, id: 7 }]).items())
  );
  assertEquals(
    message,
    "Cannot use items().id number 1, from 0, as a text that isn't empty is needed: current value is 7",
  );
  const judged = { constraints: [{ score: 1 }], overall: { score: 1 }, raw: "" };
  const contribute = (contributions: unknown) =>
    benchmark([], contributions).contributions({ item: item as never, response: "", judgement: judged });
  const fair = [{ metric: "m", value: 3, weight: 1, max: 3 }, { metric: "n", value: null, weight: 2 }];
  assertEquals(contribute(fair), fair);
  for (
    const wrong of [{ value: 2, weight: 1 }, { value: -1, weight: 1 }, { value: 0, weight: 0 }, { weight: 1 }]
  ) {
    assertEquals(
      fault(() => contribute([{ metric: "m", ...wrong }])).split(" as ")[0],
      "Cannot use contributions()[0]",
    );
  }
  const reply = { outcome: "stop", text: "t", promptTokens: 1, completionTokens: 1 };
  const ask = (answer: unknown) =>
    madeOf("endpoint", { model: "m", complete: () => answer, close: () => Promise.resolve() })
      .complete({} as never, new AbortController().signal);
  assertEquals(await ask(Promise.resolve(reply)), reply as never);
  for (
    const [change, expected] of [
      [
        { outcome: "done" },
        '.outcome as one of stop, length, thought_only, content_filter, context_length, error is needed: current value is "done"',
      ],
      [{ text: 5 }, ".text as a text is needed: current value is 5"],
      [{ completionTokens: NaN }, ".completionTokens as a number >= 0 is needed: current value is NaN"],
    ] as const
  ) {
    const error = await assertRejects(() => ask(Promise.resolve({ ...reply, ...change })), TypeError);
    assertEquals(error.message, `Cannot use complete()${expected}`);
  }
});

Deno.test("checked products are called on themselves: private fields and frozen objects work", async () => {
  class Echo {
    #times = 0;
    readonly model = "echo";
    complete() {
      return Promise.resolve({
        outcome: "stop",
        text: String(++this.#times),
        promptTokens: 0,
        completionTokens: 0,
      });
    }
    close = () => Promise.resolve();
    get identity() {
      return { times: this.#times };
    }
  }
  const endpoint = madeOf("endpoint", new Echo());
  await endpoint.complete({} as never, new AbortController().signal);
  assertEquals([endpoint.identity, "identity" in endpoint], [{ times: 1 }, true]);
  const frozen = madeOf(
    "loss",
    Object.freeze({ ...pair, loss: () => ({ loss: new Scalar(1), metrics: {} }) }),
  );
  assertEquals(
    frozen.loss({ policy: {}, reference: {}, R: {}, length: {}, divergence: {}, tokens: {}, batch: {} }).loss
      .value,
    1,
  );
  assertEquals(Object.keys({ ...frozen }), [...Object.keys(pair), "loss"]);
});

Deno.test("a promise that nothing can settle any more is the plugin's fault", async () => {
  const lost = (): Promise<never> => new Promise(() => {});
  const late = () => new Promise((resolve) => setTimeout(resolve, 700, { ...answered }));
  const answered = { constraints: [{ score: 1 }], overall: { score: 1 }, raw: "" };
  const asked = { constraints: [{ text: "c", groups: {} }] } as never;
  const { signal } = new AbortController();
  const judge = (judges: () => Promise<unknown>) =>
    madeOf("judge", { scale: 1, judge: judges }).judge(asked, signal);
  const items = madeOf("benchmark", {
    items: () => ({ [Symbol.asyncIterator]: () => ({ next: lost }) }),
    contributions: lost,
  });
  const one = {
    id: "1",
    messages: [{ role: "user", content: "x" }],
    constraints: [],
    groups: {},
    fields: {},
  };
  const left = madeOf("benchmark", {
    items: () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: one }),
        return: lost,
      }),
    }),
    contributions: lost,
  });
  const firstOf = async (items: AsyncIterable<unknown> | Iterable<unknown>) => {
    for await (const found of items) return found;
  };
  const plain = { model: "m", complete: lost, close: lost };
  const endpoint = madeOf("endpoint", { ...plain, prepare: lost });
  const unsettled = "Cannot go on as a promise that it gave is never settled";
  await Promise.all([
    judge(late).then((found) => assertEquals(found, answered as typeof found)),
    assertRejects(() => judge(async () => await lost()), RangeError, unsettled),
    assertRejects(
      () => madeOf("trainer", { train: lost }).train({ log: silentLog() } as never),
      RangeError,
      `trainer/mine of my.ts: ${unsettled}`,
    ),
    assertRejects(async () => await Array.fromAsync(items.items()), RangeError, unsettled),
    assertRejects(
      async () => await madeOf("trainer", { train: lost, lend: lost }).lend?.({ note() {}, signal }),
      RangeError,
      `trainer/mine of my.ts: ${unsettled}`,
    ),
    assertRejects(async () => await endpoint.prepare?.(), RangeError, unsettled),
    assertRejects(() => endpoint.close(), RangeError, unsettled),
    assertRejects(() => firstOf(left.items()), RangeError, unsettled),
  ]);
  assertEquals(["lend" in madeOf("trainer", { train: lost }), "prepare" in madeOf("endpoint", plain)], [
    false,
    false,
  ]);
});
