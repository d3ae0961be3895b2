import { assertEquals, assertMatch } from "@std/assert";

import { formatOf } from "../../tasks/train/data/info/detect_format.ts";
import { UnusedFields } from "../../tasks/train/data/sets/unused_fields.ts";
import { openDataSet } from "../../tests/helpers/open_data_set.ts";
import type { ExampleShape } from "../kinds/dataset.ts";

/** Why a record is dropped, else what is told of its fields ("" for nothing). */
function outcome(formatting: string, shape: ExampleShape, record: Record<string, unknown>): string {
  const { attributes, dataset, convert } = openDataSet(formatting, shape, Object.keys(record));
  const got = convert(record);
  if ("reason" in got) return `${got.field}: ${got.reason}`;
  const unused = new UnusedFields(attributes, dataset.defaults.columns);
  unused.see("d.json", record);
  return unused.notes().join("\n");
}

const user = (content: string, more = {}) => ({ role: "user", content, ...more });
const answer = (content: string, more = {}) => ({ role: "assistant", content, ...more });
const alpaca = { instruction: "q", output: "a" };

const CASES: [string, ExampleShape, Record<string, unknown>, RegExp][] = [
  ["alpaca", "single", { ...alpaca, weight: "0" }, /^weight: row is not to be learnt/],
  ["alpaca", "single", { ...alpaca, weight: " 0.0 " }, /^weight: row is not to be learnt/],
  ["alpaca", "single", { ...alpaca, weight: "0.5" }, /^weight: weight is neither 0 nor 1/],
  ["alpaca", "single", { ...alpaca, train: "False" }, /^train: row is not to be learnt/],
  ["alpaca", "single", { ...alpaca, loss_mask: 0 }, /^loss_mask: row is not to be learnt/],
  ["alpaca", "single", { ...alpaca, trainable: false }, /^trainable: row is not to be learnt/],
  [
    "openai",
    "single",
    { messages: [user("q"), answer("a", { loss_mask: 0.5 })] },
    /loss_mask is neither 0 nor 1/,
  ],
  [
    "sharegpt",
    "single",
    { conversations: [user("q"), answer("a", { loss_scale: 0, trainable: true })] },
    /^fields of turns of d\.json that nothing here uses .*: "loss_scale" in 1 turn\. Turns that aren't to be learnt/,
  ],
  [
    "openai",
    "single",
    { messages: [user("q", { name: "" }), answer("a", { refusal: null, id: "m1" })] },
    /^$/,
  ],
  ["alpaca", "single", { ...alpaca, weight: "1", train: "true", loss: "1" }, /^$/],
  [
    "alpaca",
    "single",
    { ...alpaca, train: "no", loss: 0.7 },
    /nothing uses: "loss" in 1 row, "train" in 1 row/,
  ],
  [
    "openai",
    "single",
    {
      messages: [
        user("q"),
        answer("a", { train_detail: [{ begin_offset: 0, end_offset: 0, train: false }] }),
      ],
    },
    /^messages\[1\]\.train_detail: train_detail is not supported/,
  ],
  [
    "sharegpt",
    "single",
    { conversations: [user("q"), answer("a", { training_detail: [{}] })] },
    /training_detail is not supported/,
  ],
  ["openai", "single", { messages: [user("q"), answer("a", { train_detail: [] })] }, /^$/],
  [
    "openai",
    "single",
    { messages: [user("q"), answer("", { function_call: { name: "f", arguments: "{}" } })] },
    /^messages\[1\]\.function_call: function_call is not supported/,
  ],
  [
    "trl",
    "pair",
    {
      prompt: [user("another")],
      chosen: [user("q"), answer("x")],
      rejected: [user("q"), answer("y")],
    },
    /^prompt: prompt is not among the turns of chosen/,
  ],
  [
    "trl",
    "pair",
    { prompt: [user("q")], chosen: [user("q"), answer("x")], rejected: [user("q"), answer("y")] },
    /^$/,
  ],
  [
    "alpaca",
    "pair",
    { instruction: "q", chosen: "a", rejected: ["b", "c"] },
    /^rejected: rejected is a list of answers/,
  ],
  ["trl", "pair", { prompt: "q", chosen: ["a"], rejected: "c" }, /^chosen: chosen is a list of answers/],
  ["quads", "iopo", { x1: "q", y1: "a", x2: "p", y2: ["b", "c"] }, /^y2: y2 is a list of answers/],
  [
    "openai",
    "pair",
    { messages: [user("q")], chosen: answer("a"), rejected: [answer("b"), answer("c")] },
    /^rejected: rejected is several messages \(write a row for each answer\)/,
  ],
  ["openai", "pair", { messages: [user("q")], chosen: [answer("a")], rejected: [answer("b")] }, /^$/],
  ["trl", "single", { messages: [user("q"), answer("a")], prompt: "other" }, /messages beside prompt/],
  ["trl", "single", { prompt: "q", completion: "a", label: false }, /"label" in 1 row/],
  ["trl", "single", { prompt: "q", completion: "a", rejected: "b" }, /"rejected" in 1 row/],
  ["trl", "kto", { prompt: "q", completion: "a", label: false }, /^$/],
  [
    "trl",
    "pair",
    { prompt: "q", chosen: [answer("a", { loss_scale: 0 })], rejected: [answer("b")] },
    /"loss_scale" in 1 turn/,
  ],
  [
    "quads",
    "iopo",
    { x1: [user("q", { lang: "en" })], y1: "a", x2: "p", y2: answer("b", { score: 1 }) },
    /"lang" in 1 turn, "score" in 1 turn/,
  ],
  [
    "sharegpt",
    "single",
    { conversations: [{ from: "human", value: "q", content: "other" }, answer("a")] },
    /^conversations\[0\]\.content: message has value and content, and they differ/,
  ],
  [
    "sharegpt",
    "single",
    { conversations: [{ from: "human", value: "q", role: "user", content: "q" }, answer("a")] },
    /^$/,
  ],
  [
    "sharegpt",
    "single",
    { conversations: [user("q"), { from: "gpt", role: "user", value: "a" }] },
    /^conversations\[1\]\.role: message has from and role, and they differ/,
  ],
];

Deno.test("what a row says and isn't used is told or drops the row", () => {
  for (const [formatting, shape, record, expected] of CASES) {
    assertMatch(outcome(formatting, shape, record), expected, JSON.stringify(record));
  }
});

Deno.test("records of other tools aren't taken for another format", () => {
  assertEquals(formatOf({ segments: [{ label: true, text: "x" }] }, "single"), undefined);
  assertEquals(formatOf({ query: "q", response: "a" }, "single"), undefined);
  const both = {
    prompt: "q",
    messages: [],
    chosen: [user("q"), answer("a")],
    rejected: [user("q"), answer("b")],
  };
  assertEquals([formatOf(both, "single"), formatOf(both, "pair")], ["openai", "trl"]);
});

Deno.test("thoughts and tool calls are kept wherever a message can stand", () => {
  const calls = [{ type: "function", function: { name: "f", arguments: '{"x": 1}' } }];
  const [thinks, calling] = [
    answer("b", { reasoning_content: "t" }),
    answer("say", { tool_calls: calls }),
  ];
  const kept = (formatting: string, shape: ExampleShape, record: Record<string, unknown>) => {
    const got = openDataSet(formatting, shape, Object.keys(record)).convert(record);
    if ("reason" in got) return [got.reason];
    return Object.values(got.answers).map(({ role, content, said = "", thought = "" }) =>
      [role, content, said, thought].join("|")
    );
  };
  const wanted = ["assistant|b||t", 'function|[{"name": "f", "arguments": {"x": 1}}]|say|'];
  assertEquals(kept("quads", "iopo", { x1: "q", y1: [thinks], x2: "p", y2: calling }), wanted);
  assertEquals(kept("trl", "pair", { prompt: "q", chosen: [thinks], rejected: [calling] }), wanted);
  const pair = { conversations: [user("q")], chosen: thinks, rejected: calling };
  assertEquals(kept("sharegpt", "pair", pair), wanted);
  const two = { conversations: [user("q"), user("p")], chosen: thinks, rejected: calling };
  assertEquals(kept("iopo", "iopo", two), wanted);
  const tagged = { from: "gpt", value: "say", tool_calls: calls, thinking: "t" };
  assertEquals(kept("sharegpt", "single", { conversations: [{ from: "human", value: "q" }, tagged] }), [
    `${wanted[1]}t`,
  ]);
  const parts = [user([{ type: "text", text: "q" }] as never)];
  assertEquals(kept("quads", "iopo", { x1: parts, y1: "a", x2: "p", y2: "c" }), [
    "assistant|a||",
    "assistant|c||",
  ]);
});
