/** Parts of what judges, benchmarks and endpoints of one's own give; what plugins are handed. Expected texts are by hand. */
import { assertEquals } from "@std/assert";

import { attributes, dataset, fault, madeItem as item, madeOf, pair, question, source } from "./_made.ts";

/** What is said of a plugin that gives this, whatever way it is told. */
async function said(call: () => unknown): Promise<string> {
  try {
    await call();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("settings of an endpoint, parts of a benchmark and a judge's scale are checked when they are made", async () => {
  const endpoint = { model: "m", complete: () => {}, close: () => {} };
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const benchmark = { items: () => [], contributions: () => [] };
  for (
    const [kind, product, expected] of [
      [
        "endpoint",
        { ...endpoint, concurrency: NaN },
        "concurrency as a whole number >= 1, or nothing, is needed: current value is NaN",
      ],
      [
        "endpoint",
        { ...endpoint, concurrency: "four" },
        'concurrency as a whole number >= 1, or nothing, is needed: current value is "four"',
      ],
      [
        "endpoint",
        { ...endpoint, notes: "hello" },
        'notes as a list of texts is needed: current value is "hello"',
      ],
      [
        "endpoint",
        { ...endpoint, identity: () => 3 },
        "identity as a map of JSON values is needed: current value is a function",
      ],
      [
        "endpoint",
        { ...endpoint, identity: { a: 1n } },
        "identity as a map of JSON values is needed: current value is",
      ],
      [
        "endpoint",
        { ...endpoint, identity: circular },
        "identity as a map of JSON values is needed: current value is",
      ],
      [
        "endpoint",
        { ...endpoint, prices: { input: "x" } },
        'prices.input as a number >= 0 is needed: current value is "x"',
      ],
      [
        "endpoint",
        { ...endpoint, thoughtTags: ["<a>"] },
        `thoughtTags[0] as a pair of texts that aren't empty is needed: current value is "<a>"`,
      ],
      ["benchmark", { ...benchmark, check: 3 }, "check as a function is needed: current value is 3"],
      [
        "benchmark",
        { ...benchmark, protocol: {} },
        "protocol.scale as a number > 0 is needed: current value is missing",
      ],
      [
        "judge",
        { scale: Infinity, judge: () => {} },
        "scale as a number > 0, or null, is needed: current value is Infinity",
      ],
    ] as const
  ) {
    const text = await said(() => madeOf(kind, product));
    assertEquals(text.startsWith(`${kind}/mine of my.ts: Cannot use create().${expected}`), true, text);
  }
  const late = madeOf("endpoint", {
    ...endpoint,
    prepare() {
      (this as { notes?: unknown }).notes = 3;
    },
  });
  assertEquals(
    await said(() => late.prepare!()),
    "endpoint/mine of my.ts: Cannot use the endpoint after prepare().notes as a list of texts is needed: current value is 3",
  );
  const closing = madeOf("endpoint", { ...endpoint, close: () => Promise.reject(new Error("cc")) });
  assertEquals(await said(() => closing.close()), "endpoint/mine of my.ts: cc");
});

Deno.test("an endpoint's error has words and a known kind; an item's groups and fields are texts; items can be iterated", async () => {
  const reply = { outcome: "error", text: "", promptTokens: 0, completionTokens: 0 };
  const failure = { kind: "server", retryable: true, fatal: false };
  const ask = (more: object) =>
    said(() =>
      madeOf("endpoint", { model: "m", complete: () => ({ ...reply, ...more }), close: () => {} })
        .complete({} as never, new AbortController().signal)
    );
  assertEquals(await ask({ error: "no", failure }), "");
  const kind = await ask({ error: "no", failure: { ...failure, kind: "x" } });
  assertEquals(
    /^Cannot use complete\(\)\.failure\.kind as one of auth, .* is needed: current value is "x"$/.test(kind),
    true,
    kind,
  );
  assertEquals(
    await ask({ failure }),
    "Cannot use complete().error as a text that isn't empty is needed: current value is missing",
  );
  const items = (given: unknown) =>
    said(() => Array.fromAsync(madeOf("benchmark", { items: () => given, contributions: () => [] }).items()));
  assertEquals(await items([item]), "");
  for (
    const [given, expected] of [
      [[{ ...item, groups: { by: 3 } }], ".groups number 0, from 0, as a map of names to texts is needed"],
      [[{ ...item, fields: { sum: 7 } }], ".fields number 0, from 0, as a map of names to texts is needed"],
      [3, " as what `for await` takes (as `async *items()` gives) is needed: current value is 3"],
      [
        Promise.resolve([item]),
        " as what `for await` takes (as `async *items()` gives) is needed: current value is a Promise",
      ],
    ] as const
  ) {
    const text = await items(given);
    assertEquals(text.startsWith(`Cannot use items()${expected}`), true, text);
  }
});

Deno.test("contributions of the unjudged are null, and a score has one largest value", () => {
  const give = (judgement: unknown, ...contributions: unknown[]) => {
    const unjudged = [{ metric: "m", value: null, weight: 1 }];
    const benchmark = madeOf("benchmark", {
      items: () => [],
      contributions: ({ response }: { response: string | null }) =>
        response === null ? unjudged : contributions.shift(),
    });
    return fault(() => {
      for (let i = contributions.length; i > 0; i--) {
        benchmark.contributions({ item: {} as never, response: "", judgement: judgement as never });
      }
    });
  };
  assertEquals(
    give(null, [{ metric: "m", value: null, weight: 1 }], [{ metric: "m", value: 0, weight: 1 }]),
    "Cannot use contributions()[0].value as null is needed of an item without a judgement: current value is 0",
  );
  assertEquals(
    give({}, [{ metric: "m", value: 1, weight: 1, max: 3 }], [{ metric: "m", value: 1, weight: 1 }]),
    "Cannot use contributions()[0].max as one largest value of the score m is needed: current value is 1 and, before it, 3",
  );
  assertEquals(
    give({}, [{ metric: "m", value: 1, weight: 1, group: 3 }]).includes("group: {by, name} or nothing"),
    true,
  );
});

Deno.test("what a plugin is handed can't be written to, where others go on with it", async () => {
  const writes = (value: object) => {
    (value as Record<string, unknown>).more = 1;
  };
  const item = { id: "a", constraints: [{ text: "c", groups: { type: "t" } }], groups: {}, fields: {} };
  const never = { signal: new AbortController().signal };
  const refused = [
    () =>
      madeOf("judge", { scale: 1, judge: (asked: typeof item) => writes(asked.constraints[0]!.groups) })
        .judge({ ...item, prompt: "", response: "" }, never.signal),
    () =>
      madeOf("benchmark", {
        items: () => [],
        contributions: () => [],
        check: (asked: typeof item) => writes(asked.constraints),
      })
        .check!(item as never, ""),
    () =>
      madeOf("endpoint", {
        model: "m",
        close: () => {},
        complete: ({ messages }: { messages: object[] }) => writes(messages[0]!),
      })
        .complete({ messages: [question] } as never, never.signal),
    () =>
      madeOf("dataset", dataset((...[, , given]: object[]) => writes(given!) as never)).convert(
        {},
        attributes,
        source,
      ),
    () =>
      madeOf("loss", { ...pair, loss: ({ policy }: { policy: object }) => writes(policy) })
        .loss({ policy: {}, reference: {}, R: {}, length: {}, divergence: {}, tokens: {}, batch: {} }),
    () => madeOf("model", { modelType: "mine", parse: (config: object) => writes(config) }).parse({}),
  ];
  for (const call of refused) {
    const text = await said(call);
    const wanted =
      /Cannot add property more, object is not extensible; what a plugin is handed can't be written to: change a copy, \{ \.\.\.value \}$/;
    assertEquals(wanted.test(text), true, `${call}: ${text}`);
  }
  assertEquals(item.constraints, [{ text: "c", groups: { type: "t" } }]);
});

Deno.test("what a benchmark's protocol asks is a conversation, and what it reads is within its scale", async () => {
  const { signal } = new AbortController();
  const asked = { ...item, constraints: [{ text: "c", groups: {} }] } as never;
  const judgement = { constraints: [{ score: 3 }], overall: { score: 10 }, raw: "t" };
  const protocolOf = (more: object) =>
    madeOf("benchmark", {
      items: () => [],
      contributions: () => [],
      protocol: {
        scale: 10,
        rounds: 1,
        messages: () => [question],
        read: () => judgement,
        structured: { schema: () => ({}), read: () => judgement },
        ...more,
      },
    }).protocol!;
  assertEquals(protocolOf({}).read(asked, ""), judgement);
  const scale = "a number from 0 to 10, or null, is needed";
  for (
    const [call, expected] of [
      [
        () => protocolOf({ messages: () => [] }).messages(asked, ""),
        "messages() as a list of messages that isn't empty is needed: current value is []",
      ],
      [
        () => protocolOf({ read: () => ({ ...judgement, overall: { score: 11 } }) }).read(asked, ""),
        `read().overall.score as ${scale}: current value is 11`,
      ],
      [
        () => protocolOf({ read: () => ({ ...judgement, constraints: [] }) }).read(asked, ""),
        "read().constraints as a list of 1 verdicts, one per constraint, is needed: current value is []",
      ],
      [
        () => protocolOf({ read: () => Promise.resolve(judgement) }).read(asked, ""),
        "read() as an object is needed: current value is a Promise",
      ],
      [
        () =>
          protocolOf({ structured: { schema: () => "{}", read: () => judgement } }).structured.schema(
            asked,
            "",
          ),
        'structured.schema() as a map of JSON values is needed: current value is "{}"',
      ],
      [
        () =>
          protocolOf({
            structured: { schema: () => ({}), read: () => ({ ...judgement, overall: { score: -1 } }) },
          })
            .structured.read(asked, "", ""),
        `structured.read().overall.score as ${scale}: current value is -1`,
      ],
    ] as const
  ) assertEquals(await said(call), `Cannot use protocol.${expected}`);
  const readings = madeOf("judge", { scale: 1, judge: () => ({ ...unread, readings: { loose: [] } }) });
  const unread = { constraints: [{ score: 1 }], overall: { score: 1 }, raw: "" };
  assertEquals(
    await said(() =>
      readings.judge({ id: "a", prompt: "", response: "", constraints: [{ text: "c" }] }, signal)
    ),
    "Cannot use judge().readings.loose as a list of 1 verdicts, one per constraint, is needed: current value is []",
  );
});

Deno.test("a benchmark names its scores of the unjudged too, and has one way to judge; getters are the plugin's", async () => {
  const { signal } = new AbortController();
  const judgement = { constraints: [], overall: { score: 1 }, raw: "" };
  const result = { item: item as never, response: "", judgement };
  const flipping = madeOf("benchmark", {
    items: () => [],
    contributions: ({ judgement }: { judgement: unknown }) => [
      { metric: judgement ? "right" : "rigth", value: judgement ? 1 : null, weight: 1 },
    ],
  });
  assertEquals(
    fault(() => flipping.contributions(result)),
    "Cannot use contributions()[0].metric as one of the scores that it names of an item without a judgement (rigth) is needed: " +
      'current value is "right"',
  );
  const protocol = { scale: 1, rounds: 1, messages() {}, read() {}, structured: { schema() {}, read() {} } };
  assertEquals(
    fault(() => madeOf("benchmark", { items: () => [], contributions: () => [], check() {}, protocol })),
    "benchmark/mine of my.ts: Cannot use create() as check or protocol, one of the two, is needed: current value has both",
  );
  const getting = {
    model: "m",
    complete() {},
    close() {},
    get identity() {
      throw new Error("boom");
    },
  };
  assertEquals(fault(() => madeOf("endpoint", getting)), "endpoint/mine of my.ts: boom");
  const large = { constraints: [{ score: 1n }], overall: { score: 1 }, raw: "" };
  assertEquals(
    await said(() =>
      madeOf("judge", { scale: 1, judge: () => large })
        .judge({ id: "a", prompt: "", response: "", constraints: [{ text: "c" }] }, signal)
    ),
    "Cannot use judge().constraints[0].score as a number from 0 to 1, or null, is needed: current value is 1n",
  );
});

Deno.test("items without an end let signals in", async () => {
  const endless = madeOf("benchmark", {
    async *items() {
      for (let n = 0;; n++) yield await Promise.resolve({ ...item, id: String(n) });
    },
    contributions: () => [],
  });
  const signal = AbortSignal.timeout(20);
  let seen = 0;
  // more than are read until the signal comes, where it comes
  for await (const _ of endless.items()) if (signal.aborted || ++seen > 3e5) break;
  assertEquals(signal.aborted, true);
});
