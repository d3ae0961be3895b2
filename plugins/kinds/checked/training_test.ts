/** Parts of what losses, datasets and families of one's own give. Expected texts are by hand. */
import { assertEquals, assertStringIncludes } from "@std/assert";

import { constant, Scalar } from "../../../kernels/tape.ts";
import { answer, attributes, dataset, example, fault, madeOf, pair, question, source } from "./_made.ts";

Deno.test("a loss's own constants are finite, its metrics have names of their own; a dataset's row has its source", () => {
  const inputs = {
    policy: { chosen: constant(-1), rejected: constant(-2) },
    reference: {},
    R: {},
    length: {},
    batch: {},
  };
  const loss = (more: object) =>
    madeOf("loss", { ...pair, loss: () => ({ loss: new Scalar(1), metrics: {} }), ...more });
  const named = fault(() =>
    loss({ loss: () => ({ loss: new Scalar(1), metrics: { loss: 3 } }) }).loss(inputs as never)
  );
  assertEquals(
    named,
    "loss/mine of my.ts: Cannot use loss().metrics as metrics under names that the log doesn't use itself " +
      '(loss, grad_norm, learning_rate, epoch, step, num_input_tokens_seen) are needed: current value is {"loss": 3}',
  );
  const rows = (value: number) => [{ policy: { chosen: value, rejected: -2 }, reference: {} }] as never;
  const batch = loss({ batch: () => ({ kl: NaN }) });
  assertEquals(
    fault(() => batch.batch!(rows(-1))),
    'loss/mine of my.ts: Cannot use batch() as a map of names to finite numbers is needed: current value is {"kl": NaN}',
  );
  // a model that has run away is no fault of the loss
  assertEquals(batch.batch!(rows(NaN)), { kl: NaN });
  assertEquals(
    fault(() => loss({ summarize: () => Promise.resolve({}) }).summarize!({})),
    "loss/mine of my.ts: Cannot use summarize() as a map of names to numbers is needed: current value is a Promise",
  );
  const { source: _, ...without } = example;
  assertEquals(
    fault(() => madeOf("dataset", dataset(() => without)).convert({}, attributes, source)),
    "dataset/mine of my.ts: Cannot use convert().source of row 3 of a.jsonl as an object is needed: current value is missing",
  );
  assertEquals(
    fault(() => madeOf("dataset", { ...dataset(() => example), required: () => ["q"] }).required("single")),
    'dataset/mine of my.ts: Cannot use required() as a map of names to texts is needed: current value is ["q"]',
  );
});

Deno.test("what a loss of one's own carries has the names and finite numbers of its beginning, and is written to by nobody", () => {
  const rows = [{ policy: { chosen: -1, rejected: -2 }, reference: {}, length: { chosen: 1, rejected: 1 } }];
  const initial = { sum: 1 };
  const loss = (next: (before: { sum: number }) => unknown, batch: unknown = () => ({})) =>
    madeOf("loss", { ...pair, batch, carried: { initial, next }, loss: () => ({}) });
  const refused = (next: (before: { sum: number }) => unknown) =>
    fault(() => loss(next).carried!.next({ sum: 1 }, rows as never)).replace(
      "loss/mine of my.ts: Cannot use ",
      "",
    );
  assertEquals(loss(({ sum }) => ({ sum: sum + 2 })).carried!.next({ sum: 1 }, rows as never), { sum: 3 });
  assertEquals(
    refused(() => ({ sum: NaN })),
    'carried.next() as a map of names to finite numbers is needed: current value is {"sum": NaN}',
  );
  assertEquals(
    refused(() => ({ total: 1 })),
    'carried.next() as a map of the names of carried.initial (sum) is needed: current value is {"total": 1}',
  );
  const written = (before: { sum: number }) => Object.assign(before, { sum: 7 });
  for (
    const told of [
      fault(() => loss(written).carried!.next({ sum: 1 }, rows as never)),
      fault(() =>
        loss(() => initial, (_: unknown, carried: { sum: number }) => written(carried)).batch!(
          rows as never,
          { sum: 1 },
        )
      ),
    ]
  ) assertStringIncludes(told, "Cannot assign to read only property 'sum'");
  const made = loss(() => initial);
  fault(() => Object.assign(made.carried!.initial, { sum: 7 }));
  assertEquals(initial, { sum: 1 });
  const alone = { ...pair, carried: { initial, next: () => initial }, loss: () => ({}) };
  assertStringIncludes(fault(() => madeOf("loss", alone)), "Cannot use carried without batch()");
});

Deno.test("a loss that measures entropies has weights that take them", () => {
  const loss = { ...pair, labelMeasure: "top_entropy", loss: () => ({}) };
  assertStringIncludes(
    fault(() => madeOf("loss", loss)),
    "Cannot use labelMeasure: top_entropy without tokenWeights()",
  );
  madeOf("loss", { ...loss, tokenWeights: () => ({}) });
});

Deno.test("a loss of values has no reference, no weights of tokens, and is normalised by examples", () => {
  const values = {
    shape: "pair",
    sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
    needsReference: false,
    normalize: "examples",
    measure: "value",
    loss: () => ({}),
  };
  assertEquals((madeOf("loss", values) as { measure: string }).measure, "value");
  const others = [
    ...[{ needsReference: true }, { normalize: "label_tokens" }, { tokenWeights: () => ({}) }],
    { labelMeasure: "divergence" },
  ];
  for (const other of others) {
    assertStringIncludes(fault(() => madeOf("loss", { ...values, ...other })), "Cannot use measure: value");
  }
  assertStringIncludes(fault(() => madeOf("loss", { ...values, measure: "reward" })), "one of logp, value");
});

Deno.test("a family's decoder has every field, and sizes that fit together; its errors have its name", () => {
  const decoder = {
    modelType: "m",
    hiddenSize: 8,
    intermediateSize: 16,
    numLayers: 2,
    numHeads: 4,
    numKeyValueHeads: 2,
    headDim: 2,
    vocabSize: 10,
    rmsNormEps: 1e-6,
    inverseFrequencies: Float64Array.of(1),
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    qkNorm: false,
    slidingWindow: [null, null],
    tieWordEmbeddings: true,
    maxPositionEmbeddings: 16,
    eosTokenIds: [0],
  };
  const parse = (parsed: () => unknown) =>
    madeOf("model", { modelType: "mine", parse: parsed }).parse({}, "config.json");
  assertEquals(parse(() => decoder), decoder as ReturnType<typeof parse>);
  for (
    const [change, expected] of [
      [
        { numLayers: undefined },
        "numLayers of config.json as a whole number >= 1 is needed: current value is missing",
      ],
      [{ rmsNormEps: NaN }, "rmsNormEps of config.json as a number > 0 is needed: current value is NaN"],
      [
        { numKeyValueHeads: 3 },
        "numKeyValueHeads of config.json as a divisor of numHeads (4) is needed: current value is 3",
      ],
      [
        { numLayers: 3 },
        "slidingWindow.length of config.json as numLayers (3) is needed: current value is 2",
      ],
      [
        { rotatedLayers: [true] },
        "rotatedLayers.length of config.json as numLayers (2) is needed: current value is 1",
      ],
      [
        { rotatedLayers: [1, 0] },
        "rotatedLayers of config.json as a list of true or false, or nothing, is needed: current value is [1, 0]",
      ],
      [
        { logitScale: 0 },
        "logitScale of config.json as a number > 0, or nothing, is needed: current value is 0",
      ],
      [
        { windowRotation: { inverseFrequencies: Float64Array.of(1, 2) } },
        "windowRotation.inverseFrequencies.length of config.json as that of inverseFrequencies (1) is needed: current value is 2",
      ],
      [
        { windowRotation: { inverseFrequencies: [1] } },
        'windowRotation of config.json as an object with inverseFrequencies (a Float64Array of finite numbers) and attentionFactor (a number > 0, or nothing), or nothing, is needed: current value is {"inverseFrequencies": [1]}',
      ],
      [
        { normPlaces: "behind" },
        'normPlaces of config.json as one of before, after, both, both_glm4, or nothing, is needed: current value is "behind"',
      ],
      [
        { attentionFacter: 2 },
        `attentionFacter of config.json as a field that is read (${
          [
            ...Object.keys(decoder).slice(0, 10),
            "attentionFactor",
            "windowRotation",
            "rotatedLayers",
            "rotatesPairs",
            "rotaryLimit",
            "embeddingScale",
            "noiseBehindScale",
            "attentionScale",
            "scoreCap",
            "residualScale",
            "logitScale",
            "logitCap",
            "fusedProjections",
            ...Object.keys(decoder).slice(10, 14),
            "qkNormWhole",
            "qkNormBehind",
            "normPlaces",
            "normOffset",
            "gateActivation",
            ...Object.keys(decoder).slice(14),
            "moduleRoot",
          ].join(", ")
        }) is needed - did you mean "attentionFactor"?: current value is 2; spell it "attentionFactor", or leave it out`,
      ],
    ] as const
  ) {
    assertEquals(
      fault(() => parse(() => ({ ...decoder, ...change }))),
      `model/mine of my.ts: Cannot use parse().${expected}`,
    );
  }
  assertEquals(
    fault(() => parse(() => Promise.resolve(decoder))),
    "model/mine of my.ts: Cannot use parse() of config.json as an object is needed: current value is a Promise",
  );
  assertEquals(
    fault(() =>
      parse(() => {
        throw new Error("boom");
      })
    ),
    "model/mine of my.ts: boom",
  );
});

Deno.test("what is thrown without words is told as such", () => {
  for (
    const [thrown, words] of [[undefined, "undefined"], [{ a: 1 }, '{"a": 1}'], [
      new TypeError(),
      "an empty TypeError",
    ], ["", '""']] as const
  ) {
    const text = fault(() =>
      madeOf(
        "dataset",
        dataset(() => {
          throw thrown;
        }),
      ).convert({}, attributes, source)
    );
    assertEquals(
      text,
      `dataset/mine of my.ts, row 3 of a.jsonl: what was thrown says nothing (an Error with a message is needed): current value is ${words}`,
    );
  }
});

Deno.test("a template has a turn for every two messages, and its optional parts are what they are said to be", () => {
  const template = (more: object) =>
    madeOf("template", {
      name: "t",
      stopWords: [],
      replaceEos: false,
      defaultSystem: "",
      encodeTurns: () => [{ source: [1], target: [2] }],
      encodePrompt: () => [1],
      ...more,
    });
  const asked = [question, answer, question, answer] as never;
  for (
    const [call, expected] of [
      [
        () => template({}).encodeTurns({} as never, { messages: asked, system: "", tools: "" }),
        "encodeTurns() of 4 messages as a turn for every two of them is needed: current value is 1 turn",
      ],
      [
        () => template({ encodeChat: () => "text" }).encodeChat!({} as never, { messages: [] } as never),
        'encodeChat() as a list of token ids (whole numbers >= 0) is needed: current value is "text"',
      ],
      [
        () => template({ jinja: () => 3 }).jinja!({} as never),
        "jinja() as a text, or null, is needed: current value is 3",
      ],
      [
        () => template({ ignores: () => ["thought"] }).ignores!({} as never),
        'ignores()[0] as one of thoughts, tool calls, words beside tool calls, tools is needed: current value is "thought"',
      ],
      [
        () => template({ readsVariable: () => "yes" }).readsVariable!({} as never, "mood"),
        'readsVariable() as true or false is needed: current value is "yes"',
      ],
      [
        () => template({ efficientEos: 1 }),
        "create().efficientEos as true or false is needed: current value is 1",
      ],
    ] as const
  ) assertEquals(fault(call), `template/mine of my.ts: Cannot use ${expected}`);
});
