/** One reader for whole replies and streams: what servers send, and the outcome of it, both ways. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import type { Completion } from "../../kinds/endpoint.ts";
import { withThoughtApart } from "../../kinds/thoughts/thoughts.ts";
import { AnswerError } from "../failures.ts";
import { BodyReader } from "./body_reader.ts";
import { completionOf } from "./outcome.ts";
import { ReplyError } from "./reply.ts";

const messages = [{ role: "user" as const, content: "hi" }];
const TEXT = "The answer.";

function read(body: string, typed = false): Completion {
  const reader = new BodyReader(typed);
  // pieces as a network cuts them
  for (let offset = 0; offset < body.length; offset += 7) reader.feed(body.slice(offset, offset + 7));
  return withThoughtApart(completionOf(reader.end(), { messages }));
}
const usage = { prompt_tokens: 5, completion_tokens: 7 };
const whole = (message: unknown, finish: string | null = "stop", more: object = { usage }) =>
  JSON.stringify({ choices: [{ index: 0, message, finish_reason: finish }], ...more });
const piece = (delta: unknown, finish: string | null = null, more: object = {}) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const events = (...pieces: (object | string)[]) =>
  [...pieces.map((p) => typeof p === "string" ? p : `data: ${JSON.stringify(p)}`), "data: [DONE]"].join(
    "\n\n",
  ) + "\n\n";
const streamed = (message: Record<string, unknown>, finish = "stop") =>
  events(piece(message), piece({}, finish), { choices: [], usage });

const messagesAndOutcomes: [
  name: string,
  message: Record<string, unknown>,
  finish: string,
  wanted: Partial<Completion>,
][] = [
  ["text", { content: TEXT }, "stop", { outcome: "stop", text: TEXT }],
  ["parts", { content: [{ type: "text", text: "The " }, { type: "text", text: "answer." }] }, "stop", {
    text: TEXT,
  }],
  ["one part without a list", { content: { type: "text", text: TEXT } }, "stop", { text: TEXT }],
  [
    "parts with a thought of parts",
    {
      content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }, { type: "text", text: TEXT }],
    },
    "stop",
    { text: TEXT, thought: "hm" },
  ],
  [
    "parts with a thought as text, and a source",
    {
      content: [{ type: "thinking", thinking: "hm" }, { type: "text", text: TEXT }, {
        type: "reference",
        reference_ids: [1],
      }],
    },
    "stop",
    { text: TEXT, thought: "hm" },
  ],
  ["reasoning_content", { content: TEXT, reasoning_content: "hm" }, "stop", { text: TEXT, thought: "hm" }],
  ["reasoning", { content: TEXT, reasoning: "hm" }, "stop", { text: TEXT, thought: "hm" }],
  ["both names of it", { content: TEXT, reasoning: "hm", reasoning_content: "hm" }, "stop", {
    thought: "hm",
  }],
  ["tags", { content: `<think>hm</think>\n${TEXT}` }, "stop", { text: TEXT, thought: "hm" }],
  [
    "tags in parts",
    { content: [{ type: "text", text: "<think>hm</think>" }, { type: "text", text: TEXT }] },
    "stop",
    {
      text: TEXT,
      thought: "hm",
    },
  ],
  ["the limit inside the thought", { content: null, reasoning: "hm" }, "length", {
    outcome: "thought_only",
    text: "",
    thought: "hm",
  }],
  ["the limit inside a thought in tags", { content: "<think>hm" }, "length", {
    outcome: "thought_only",
    text: "",
  }],
  ["the limit inside a thought that isn't shown", { content: null }, "length", {
    outcome: "thought_only",
    text: "",
  }],
  ["an empty answer", { content: "" }, "stop", { outcome: "stop", text: "" }],
  ["cut", { content: TEXT }, "length", { outcome: "length", text: TEXT }],
  ["cut, as others say it", { content: TEXT }, "MAX_TOKENS", { outcome: "length", text: TEXT }],
  ["ended by eos", { content: TEXT }, "eos", { outcome: "stop", text: TEXT }],
  ["a filter", { content: "" }, "content_filter", { outcome: "content_filter", text: "" }],
  ["a filter that came late", { content: TEXT }, "content_filter", { outcome: "content_filter", text: TEXT }],
  ["a filter, as others say it", { content: TEXT }, "SAFETY", { outcome: "content_filter" }],
  ["a filter, its reason behind a colon", { role: "assistant" }, "content_filter: RECITATION", {
    outcome: "content_filter",
  }],
  ["a filter of a harmful answer", { content: TEXT }, "ERROR_TOXIC", { outcome: "content_filter" }],
  ["cut by time", { content: TEXT }, "time_limit", { outcome: "length", text: TEXT }],
  [
    "thoughts in details",
    { content: TEXT, reasoning_details: [{ type: "reasoning.text", text: "hm" }] },
    "stop",
    {
      text: TEXT,
      thought: "hm",
    },
  ],
  [
    "thoughts in details alone",
    { content: null, reasoning_details: [{ type: "reasoning.summary", summary: "hm" }] },
    "stop",
    { outcome: "thought_only", thought: "hm" },
  ],
  ["thoughts in blocks", { content: TEXT, thinking_blocks: [{ type: "thinking", thinking: "hm" }] }, "stop", {
    text: TEXT,
    thought: "hm",
  }],
  [
    "a part whose text is null",
    { content: [{ type: "text", text: null }, { type: "text", text: TEXT }] },
    "stop",
    {
      text: TEXT,
    },
  ],
  [
    "every field of vLLM 0.32",
    {
      role: "assistant",
      content: TEXT,
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      tool_calls: [],
      reasoning: null,
      reasoning_content: null,
    },
    "stop",
    { outcome: "stop", text: TEXT },
  ],
  ["a refusal", { content: null, refusal: "I can't." }, "stop", {
    outcome: "content_filter",
    text: "I can't.",
  }],
  ["a refusal as a part", { content: [{ type: "refusal", refusal: "I can't." }] }, "stop", {
    outcome: "content_filter",
  }],
];
for (const [name, message, finish, wanted] of messagesAndOutcomes) {
  Deno.test(`a reply with ${name}, whole and streamed`, () => {
    for (const body of [whole(message, finish), streamed(message, finish)]) {
      const completion = read(body);
      for (const [key, value] of Object.entries(wanted)) {
        assertEquals(completion[key as keyof Completion], value, body);
      }
      assertEquals([completion.promptTokens, completion.completionTokens, completion.estimated], [
        5,
        7,
        undefined,
      ]);
      if (wanted.thought === undefined && !body.includes("hm")) assertEquals(completion.thought, undefined);
    }
  });
}

const streams: [name: string, body: string, text: string, thought?: string][] = [
  ["no space behind the colon", events(piece({ content: TEXT }, "stop")).replaceAll("data: ", "data:"), TEXT],
  ["CRLF", events(piece({ content: TEXT }, "stop")).replaceAll("\n", "\r\n"), TEXT],
  ["comments", events(": PROCESSING", piece({ content: TEXT }), ": ping", piece({}, "stop")), TEXT],
  [
    "names of events",
    events(`event: message\ndata: ${JSON.stringify(piece({ content: TEXT }, "stop"))}`),
    TEXT,
  ],
  ["no [DONE]", `data: ${JSON.stringify(piece({ content: TEXT }, "stop"))}\n\n`, TEXT],
  ["no empty line at the end", `data: ${JSON.stringify(piece({ content: TEXT }, "stop"))}`, TEXT],
  ["a byte order mark is taken away before", events(piece({ content: TEXT }, "stop")), TEXT],
  [
    "what stands behind [DONE] isn't the answer's",
    events(piece({ content: TEXT }, "stop")) + events(piece({ content: "more" })),
    TEXT,
  ],
  ["no end in words until the end", events(piece({ content: TEXT }, ""), piece({}, "stop")), TEXT],
  ["a last piece of null", events(piece({ content: TEXT }), piece(null, "stop")), TEXT],
  ["an end before the end", events(piece({ content: TEXT }, "stop"), piece({ content: "" })), TEXT],
  [
    "message instead of delta",
    events({ choices: [{ index: 0, message: { content: TEXT }, finish_reason: "stop" }] }),
    TEXT,
  ],
  [
    "messages as pieces",
    events(
      { choices: [{ message: { content: "The " } }] },
      { choices: [{ message: { content: "answer." }, finish_reason: "stop" }] },
    ),
    TEXT,
  ],
  [
    "messages with all so far",
    events(
      { choices: [{ message: { content: "The " } }] },
      { choices: [{ message: { content: TEXT } }] },
      { choices: [{ message: { content: TEXT }, finish_reason: "stop" }] },
    ),
    TEXT,
  ],
  [
    "deltas beside messages with all so far",
    events(
      { choices: [{ delta: { content: "The " }, message: { content: "The " } }] },
      { choices: [{ delta: { content: "answer." }, message: { content: TEXT }, finish_reason: "stop" }] },
    ),
    TEXT,
  ],
  [
    "another answer in between",
    events({ choices: [{ index: 1, delta: { content: "SECOND" } }] }, piece({ content: TEXT }), {
      choices: [{ index: 1, delta: {}, finish_reason: "length" }, {
        index: 0,
        delta: {},
        finish_reason: "stop",
      }],
    }),
    TEXT,
  ],
  [
    "thoughts in parts, then text",
    events(
      piece({ content: [{ type: "thinking", thinking: [{ type: "text", text: "Ok" }] }] }),
      piece({ content: [{ type: "thinking", thinking: [{ type: "text", text: "ay" }] }] }),
      piece({ content: TEXT }),
      piece({}, "stop"),
    ),
    TEXT,
    "Okay",
  ],
  [
    "thoughts in a field, then text",
    events(
      piece({ reasoning_content: "Ok" }),
      piece({ content: null, reasoning_content: "ay" }),
      piece({ content: TEXT }, "stop"),
    ),
    TEXT,
    "Okay",
  ],
];
for (const [name, body, text, thought] of streams) {
  Deno.test(`a stream with ${name}`, () => {
    for (const typed of [false, true]) {
      const completion = read(body, typed);
      assertEquals([completion.outcome, completion.text, completion.thought], ["stop", text, thought]);
    }
  });
}

Deno.test("a whole reply is read where a stream was announced, and the first answer of several", () => {
  assertEquals(read(whole({ content: TEXT }), true).text, TEXT);
  const two = {
    choices: [{ index: 1, message: { content: "SECOND" } }, { index: 0, message: { content: TEXT } }],
  };
  assertEquals(read(JSON.stringify(two)).text, TEXT);
});

const faults: [name: string, body: string, kind: string, said: string][] = [
  [
    "an error",
    JSON.stringify({ error: { message: "Provider failed", code: 502 } }),
    "reply",
    "Provider failed",
  ],
  ["an error that is a text", JSON.stringify({ error: "overloaded" }), "reply", "overloaded"],
  [
    "an error in a stream",
    events(piece({ content: "a" }), { error: { message: "gone", code: 502 } }),
    "reply",
    "gone",
  ],
  ["an error as an event", events(piece({ content: "a" }), 'error: {"message": "full"}'), "reply", "full"],
  [
    "an event that is an error",
    events(piece({ content: "a" }), 'event: error\ndata: {"message": "died"}'),
    "reply",
    "died",
  ],
  ["an event that is an error's text", events("event: error\ndata: it died"), "reply", "it died"],
  [
    "an event that holds an error",
    events('event: error\ndata: {"type": "error", "error": {"message": "died"}}'),
    "reply",
    "died",
  ],
  [
    "half an answer, its ends as empty texts",
    events(piece({ content: "The" }, "")),
    "stopped",
    "args.stream: false",
  ],
  [
    "half an answer, its ends as the word null",
    events(piece({ content: "The" }, "null")),
    "stopped",
    "no finish_reason",
  ],
  [
    "half an answer for want of room",
    whole({ content: "The" }, "insufficient_system_resource"),
    "server",
    "insufficient",
  ],
  [
    "half an answer, its end as a map",
    whole({ content: "The" }, { type: "abort", message: "gone" } as never),
    "server",
    "abort",
  ],
  [
    "an unknown end and no text",
    whole({ content: null }, "OTHER"),
    "server",
    "finish_reason OTHER and no text",
  ],
  ["no choices", JSON.stringify({ choices: [] }), "malformed", "no choices"],
  ["choices that are null", JSON.stringify({ choices: null }), "malformed", "no choices"],
  [
    "another choice only",
    JSON.stringify({ choices: [{ index: 1, message: { content: "x" } }] }),
    "malformed",
    "no choices",
  ],
  [
    "parts that aren't text",
    whole({ content: [{ type: "image_url", image_url: {} }] }),
    "malformed",
    "isn't text",
  ],
  ["numbers as parts", streamed({ content: [1] }), "malformed", "isn't text"],
  ["a stream that stops", events(piece({ content: "The" })), "stopped", "3 characters"],
  ["an end by an error", whole({ content: "The" }, "error"), "server", "finish_reason error"],
  ["nothing", "", "malformed", "empty"],
  ...([
    [
      "a call of a tool",
      { content: null, tool_calls: [{ index: 0, function: { name: "look_up" } }] },
      "tool_calls",
    ],
    ["a call behind a thought", {
      content: null,
      reasoning_content: "hm",
      tool_calls: [{ function: { name: "look_up" } }],
    }, "stop"],
    [
      "a call in the older form",
      { content: null, function_call: { name: "look_up", arguments: "{}" } },
      "function_call",
    ],
    ["a call as a part", { content: [{ type: "tool_use", name: "look_up", input: {} }] }, "stop"],
  ] as [string, Record<string, unknown>, string][]).flatMap(([name, message, finish]): typeof faults => [
    [name, whole(message, finish), "tool_call", "the tool look_up and has no text"],
    [`${name}, streamed,`, streamed(message, finish), "tool_call", "the tool look_up and has no text"],
  ]),
  ["the end of a call alone", streamed({ content: "" }, "tool_calls"), "tool_call", "a tool and has no text"],
  ["the same in capitals", whole({ content: "" }, "TOOL_CALL"), "tool_call", "a tool and has no text"],
];

Deno.test("what a filter holds back is held back, also where there is no message; another end without one is no answer", () => {
  for (const finish_reason of ["content_filter", "content_filter: PROHIBITED_CONTENT"]) {
    for (const message of [{}, { message: null }]) {
      const { outcome, text } = read(JSON.stringify({ choices: [{ index: 0, finish_reason, ...message }] }));
      assertEquals([outcome, text], ["content_filter", ""]);
    }
  }
  assertThrows(
    () => read(JSON.stringify({ choices: [{ index: 0, finish_reason: "stop", message: null }] })),
    AnswerError,
    "no choices",
  );
});

Deno.test("a field for errors that is empty is no error, and an index may be a text", () => {
  const none = { code: 0, message: "", details: [] };
  for (const error of ["", null, {}, [], false, 0, none, [none], { code: null, message: null }]) {
    assertEquals(read(whole({ content: TEXT }, "stop", { error, usage })).text, TEXT, JSON.stringify(error));
    const choices = [{ index: "0", message: { content: TEXT }, finish_reason: "stop", error }];
    assertEquals(read(JSON.stringify({ choices })).text, TEXT, JSON.stringify(error));
  }
  for (const error of [{ code: 0, message: "full" }, "full", ["full"], [none, { message: "full" }]]) {
    assertThrows(() => read(whole({ content: TEXT }, "stop", { error })), ReplyError, "full");
    const choices = [{ message: { content: TEXT }, finish_reason: "stop", error }];
    assertThrows(() => read(JSON.stringify({ choices })), ReplyError, "full");
  }
  assertThrows(
    () => read(whole({ content: TEXT }, "stop", { error: { message: "", code: 500 } })),
    ReplyError,
  );
});

Deno.test("a text beside a call of a tool is the answer", () => {
  const message = { content: TEXT, tool_calls: [{ index: 0, function: { name: "look_up" } }] };
  for (const body of [whole(message, "tool_calls"), streamed(message, "tool_calls")]) {
    assertEquals([read(body).outcome, read(body).text], ["stop", TEXT]);
  }
});
for (const [name, body, kind, said] of faults) {
  Deno.test(`a reply with ${name} is a failure`, () => {
    let thrown: unknown;
    try {
      read(body);
    } catch (error) {
      thrown = error;
    }
    assertEquals(thrown instanceof ReplyError ? "reply" : thrown instanceof AnswerError && thrown.kind, kind);
    assertStringIncludes((thrown as Error).message, said);
  });
}

const counts: [name: string, usage: unknown, prompt: number, answer: number, estimated: true | undefined][] =
  [
    ["numbers", { prompt_tokens: 5, completion_tokens: 7 }, 5, 7, undefined],
    ["texts", { prompt_tokens: "5", completion_tokens: "7" }, 5, 7, undefined],
    // "hi" is a token, four stand around it; eleven characters are three tokens
    ["none", undefined, 5, 3, true],
    ["null", null, 5, 3, true],
    ["nulls", { prompt_tokens: null, completion_tokens: null }, 5, 3, true],
    ["zeros", { prompt_tokens: 0, completion_tokens: 0 }, 5, 3, true],
    ["words", { prompt_tokens: "many", completion_tokens: {} }, 5, 3, true],
    ["below zero", { prompt_tokens: -1, completion_tokens: NaN }, 5, 3, true],
    ["one of two", { prompt_tokens: 9 }, 9, 3, true],
  ];
for (const [name, given, prompt, answer, estimated] of counts) {
  Deno.test(`token counts of a server: ${name}`, () => {
    const bodies = [
      whole({ content: TEXT }, "stop", { usage: given }),
      events(piece({ content: TEXT }), piece({}, "stop", { usage: given })),
    ];
    for (const body of bodies) {
      const { promptTokens, completionTokens, estimated: guessed } = read(body);
      assertEquals([promptTokens, completionTokens, guessed], [prompt, answer, estimated]);
    }
  });
}

Deno.test("token counts: the last ones of a stream count", () => {
  const body = events(
    piece({ content: "a" }, null, { usage: { prompt_tokens: 3, completion_tokens: 1 } }),
    piece({ content: "b" }, "stop", { usage: { prompt_tokens: 3, completion_tokens: 2 } }),
  );
  assertEquals([read(body).completionTokens, read(body).estimated], [2, undefined]);
});
