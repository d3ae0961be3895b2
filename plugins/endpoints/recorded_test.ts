import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { withThoughtApart } from "../kinds/thoughts/thoughts.ts";
import recorded, { recordedEndpoint, type RecordedOptions } from "./recorded.ts";

interface Question {
  id?: string;
  prompt?: string;
  place?: { index: number; total: number | null };
}

/** An endpoint on a file with this text. */
async function withFile<T>(
  text: string,
  test: (
    ask: (question: Question) => ReturnType<ReturnType<typeof recordedEndpoint>["complete"]>,
  ) => Promise<T>,
  options: Partial<RecordedOptions> = {},
): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(path, text);
    const endpoint = recordedEndpoint({ path, ...options });
    return await test(async ({ id, prompt = "", place }) =>
      withThoughtApart(
        await endpoint.complete({
          messages: [{ role: "user", content: prompt }],
          temperature: 0,
          top_p: 1,
          max_tokens: 1,
          ...(id !== undefined && { id }),
          ...(place && { place }),
        }, new AbortController().signal),
        endpoint.thoughtTags,
      )
    );
  } finally {
    await Deno.remove(path);
  }
}
const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n\n") + "\n";

Deno.test("recorded finds answers by id, else by prompt; a missing one is a failure that isn't repeated", async () => {
  await withFile(lines({ id: 7, response: "by id" }, { prompt: "P", output: "" }), async (ask) => {
    assertEquals((await ask({ id: "7", prompt: "x" })).text, "by id");
    assertEquals(await ask({ id: "8", prompt: "P" }), {
      outcome: "stop",
      text: "",
      promptTokens: 5,
      completionTokens: 0,
      estimated: true,
    });
    const { outcome, failure } = await ask({ id: "8", prompt: "Q" });
    assertEquals([outcome, failure?.kind, failure?.retryable, failure?.fatal], [
      "error",
      "missing",
      false,
      false,
    ]);
  });
});

Deno.test("recorded: where the file has prompts they decide, and ids only choose among equal ones", async () => {
  // the ids are row numbers, and the item's own id is one of them
  const rows = [{ id: 0, prompt: "P", response: "to P" }, { id: 1, prompt: "Q", response: "to Q" }];
  await withFile(lines(...rows), async (ask) => {
    assertEquals((await ask({ id: "1", prompt: "P" })).text, "to P");
    assertEquals((await ask({ id: "0", prompt: "Q" })).text, "to Q");
    const other = await ask({ id: "1", prompt: "R" });
    assertEquals(other.failure?.kind, "missing");
    assertStringIncludes(other.error!, "has this id, but another prompt");
  });
  const same = [{ idx: 3, prompt: "P", response: "a" }, { idx: 4, prompt: "P", response: "b" }];
  await withFile(lines(...same), async (ask) => {
    assertEquals((await ask({ id: "4", prompt: "P" })).text, "b");
    assertStringIncludes((await ask({ id: "5", prompt: "P" })).error!, "different answers");
  });
});

Deno.test("recorded: white space at the end of a prompt and kinds of line ends are no miss", async () => {
  await withFile(lines({ prompt: "A\r\nprompt. \n", response: "found" }), async (ask) => {
    assertEquals((await ask({ id: "1", prompt: "A\nprompt." })).text, "found");
    assertEquals((await ask({ id: "1", prompt: "A\nprompt.\n\t" })).text, "found");
    assertEquals((await ask({ id: "1", prompt: " A\nprompt." })).failure?.kind, "missing");
  });
});

const chat = (content: unknown, more: object = {}) => ({
  choices: [{ index: 0, message: { role: "assistant", content, ...more }, finish_reason: "stop" }],
  usage: { prompt_tokens: 11, completion_tokens: 3 },
});
const FORMATS: [name: string, file: string, question: Question][] = [
  ...["response", "output", "prediction", "model_output", "generated", "generated_text", "predict", "text"]
    .map((
      field,
    ): [string, string, Question] => [field, lines({ prompt: "P", [field]: "yes" }), {
      id: "x",
      prompt: "P",
    }]),
  ["a list with one text", lines({ prompt: "P", response: ["yes"] }), { prompt: "P" }],
  ["a list of maps", JSON.stringify([{ key: "a", generated: "yes" }]), { id: "a" }],
  [
    "messages with an answer",
    lines({ messages: [{ role: "user", content: "P" }, { role: "assistant", content: "yes" }] }),
    { prompt: "P" },
  ],
  [
    "a prompt of messages",
    lines({ prompt: [{ role: "system", content: "S" }, { role: "user", content: "P" }], response: "yes" }),
    { prompt: "P" },
  ],
  [
    "lm-eval, samples of a chat",
    lines({
      doc_id: 0,
      doc: { key: 1000, prompt: "P", instruction_id_list: [] },
      target: 0,
      arguments: { gen_args_0: { arg_0: '[{"role": "user", "content": "P"}]', arg_1: { until: [] } } },
      resps: [["yes"]],
      filtered_resps: ["yes"],
      filter: "none",
    }),
    { id: "1000", prompt: "P" },
  ],
  [
    "lm-eval, without the prompt in doc",
    lines({
      doc_id: 4,
      doc: { target: "x" },
      arguments: [["P", {}]],
      resps: [["yes"]],
      filtered_resps: ["yes"],
    }),
    { id: "4711", prompt: "P" },
  ],
  [
    "lm-eval, only filtered",
    lines({ doc_id: 0, doc: { prompt: "P" }, arguments: [], filtered_resps: ["yes"] }),
    { id: "4711", prompt: "P" },
  ],
  [
    "OpenAI's batches",
    lines({
      id: "batch_req_1",
      custom_id: "7",
      response: { status_code: 200, request_id: "r", body: chat("yes") },
      error: null,
    }),
    { id: "7", prompt: "anything" },
  ],
  [
    "batches of OpenAI's responses",
    lines({
      custom_id: "7",
      response: {
        status_code: 200,
        body: {
          object: "response",
          output: [
            { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
            { type: "message", role: "assistant", content: [{ type: "output_text", text: "yes" }] },
          ],
          usage: { input_tokens: 3, output_tokens: 4 },
        },
      },
    }),
    { id: "7" },
  ],
  [
    "parts",
    lines({
      prompt: "P",
      response: [{ type: "thinking", thinking: "hm" }, { type: "text", text: "y" }, {
        type: "text",
        text: "es",
      }],
    }),
    { prompt: "P" },
  ],
  ["AlpacaEval", JSON.stringify([{ dataset: "d", instruction: "P", output: "yes", generator: "m" }]), {
    id: "0",
    prompt: "P",
  }],
  ["AlpacaEval with input", JSON.stringify([{ instruction: "P", input: "I", output: "yes" }]), {
    prompt: "P\n\nI",
  }],
  ["whole replies with an id", lines({ custom_id: "7", ...chat("yes") }), { id: "7" }],
  ["texts in order", JSON.stringify(["no", "yes"]), { id: "x", place: { index: 1, total: 2 } }],
  ["texts in order, a line each", lines("no", "yes"), { id: "x", place: { index: 1, total: 2 } }],
  ["maps in order", lines({ response: "no" }, { response: "yes" }), {
    id: "x",
    place: { index: 1, total: 2 },
  }],
  ["whole replies in order", lines(chat("no"), chat("yes")), { place: { index: 1, total: null } }],
];
for (const [name, file, question] of FORMATS) {
  Deno.test(`recorded reads ${name}`, async () => {
    await withFile(file, async (ask) => {
      const { outcome, text, error } = await ask(question);
      assertEquals([outcome, text, error], ["stop", "yes", undefined]);
    });
  });
}

Deno.test("recorded: answers in order need as many items as there are answers", async () => {
  await withFile(lines("a", "b"), async (ask) => {
    assertEquals((await ask({ place: { index: 1, total: null } })).text, "b");
    for (const place of [{ index: 0, total: 3 }, { index: 0, total: 1 }, { index: 2, total: null }]) {
      const answer = await ask({ place });
      assertEquals([answer.failure?.fatal, answer.text], [true, ""]);
      assertStringIncludes(answer.error!, "2 answers in order");
    }
    assertEquals((await ask({})).failure?.fatal, true);
  });
});

Deno.test("recorded keeps thoughts, ends and counts of replies, and tells what failed", async () => {
  const file = lines(
    { custom_id: "thought", response: { status_code: 200, body: chat("yes", { reasoning: "hm" }) } },
    {
      custom_id: "failed",
      response: { status_code: 400, body: { error: { message: "no such model" } } },
      error: null,
    },
    { custom_id: "expired", response: null, error: { code: "batch_expired", message: "late" } },
    {
      custom_id: "filtered",
      response: { status_code: 400, body: { error: { message: "was filtered", code: "content_filter" } } },
    },
    { id: "tags", response: "<think>hm</think>yes" },
    { id: "field", response: "yes", reasoning_content: "hm" },
    { id: "cut", response: "<think>hm", finish_reason: "length" },
    { id: "null", response: null },
  );
  await withFile(file, async (ask) => {
    const thought = await ask({ id: "thought" });
    assertEquals([thought.text, thought.thought, thought.promptTokens, thought.estimated], [
      "yes",
      "hm",
      11,
      undefined,
    ]);
    for (const id of ["tags", "field"]) {
      const answer = await ask({ id });
      assertEquals([answer.text, answer.thought], ["yes", "hm"]);
    }
    assertEquals((await ask({ id: "cut" })).outcome, "thought_only");
    assertEquals((await ask({ id: "filtered" })).outcome, "content_filter");
    assertStringIncludes((await ask({ id: "request-1" })).error!, "its ids are such as thought, failed");
    for (
      const [id, said] of [["failed", "no such model"], ["expired", "late"], [
        "null",
        "response is null",
      ]] as const
    ) {
      const answer = await ask({ id });
      assertEquals([answer.outcome, answer.failure?.kind], ["error", "missing"]);
      assertStringIncludes(answer.error!, said);
    }
  });
});

Deno.test("recorded: tags and an opened thought are options", async () => {
  const rows = lines({ id: "a", response: "<r>hm</r>yes" }, { id: "b", response: "never closed" });
  await withFile(rows, async (ask) => {
    assertEquals((await ask({ id: "a" })).text, "yes");
    assertEquals((await ask({ id: "b" })).text, "never closed");
  }, { thought_tags: [["<r>", "</r>"]] });
  await withFile(rows, async (ask) => assertEquals((await ask({ id: "a" })).text, "<r>hm</r>yes"), {
    thought_tags: [],
  });
  await withFile(rows, async (ask) => assertEquals((await ask({ id: "b" })).outcome, "thought_only"), {
    thought_opened: true,
  });
});

Deno.test("recorded: ids that are row numbers are distinguished from missing ids", async () => {
  await withFile(lines({ id: 0, response: "a" }, { id: 1, response: "b" }), async (ask) => {
    const answer = await ask({ id: "1000" });
    assertStringIncludes(answer.error!, "its ids are row numbers");
    assertEquals(answer.failure?.fatal, true);
  });
});

const broken: [name: string, text: string, message: string][] = [
  ["no answer", '{"id": 1}', "needs response"],
  ["a misspelt field", '{"id": 1, "reponse": "a"}', "is reponse the response? Name it by args.field"],
  ["half a map", "{", "as JSON"],
  ["a number", "7", "must be a map or a text"],
  [
    "two answers to an id",
    lines({ id: 1, response: "a" }, { id: 1, response: "b" }),
    "id 1 has another answer at",
  ],
  [
    "two answers to a prompt",
    lines({ prompt: "P", response: "a" }, { prompt: "P", response: "b" }),
    "has another answer at",
  ],
  ["some without id and prompt", lines({ response: "a" }, { id: 1, response: "b" }), "no id and no prompt"],
  ["several texts", lines({ id: 1, response: ["a", "b"] }), "one answer is needed: response has 2"],
  [
    "several samples",
    lines({ doc: { prompt: "P" }, resps: [["a", "b"]] }),
    "one answer is needed: resps has 2",
  ],
  ["two fields that differ", lines({ id: 1, output: "gold", prediction: "a" }), "name it by args.field"],
];
for (const [name, text, message] of broken) {
  Deno.test(`recorded names the row that can't be used: ${name}`, async () => {
    await withFile(text, async (ask) => void await assertRejects(() => ask({ id: "1" }), Error, message));
  });
}

Deno.test("recorded: field names the answer, and a missing file is reported before any request", async () => {
  const row = lines({ id: 1, output: "gold", prediction: "a", answer: "mine" });
  await withFile(row, async (ask) => assertEquals((await ask({ id: "1" })).text, "mine"), {
    field: "answer",
  });
  await withFile(row, async (ask) => assertEquals((await ask({ id: "1" })).text, "a"), {
    field: "prediction",
  });
  assertThrows(() => recordedEndpoint({ path: "/nowhere/file" }), RangeError, "there is no such file");
  assertEquals(recorded.options.parse({ path: "x" }).thought_opened, false);
});

Deno.test("recorded reads an evaluation's results, and its record isn't taken for answers", async () => {
  const rows = [{
    id: "a",
    question: "Why?",
    constraints: [],
    generated: "So.",
    evaluation: "x",
    scores: [10],
  }, {
    id: "b",
    question: "How?",
    generated: null,
    scores: null,
  }];
  const results = { average_score: 50, config: {}, result: rows };
  for (const text of [JSON.stringify(results), JSON.stringify(results, null, 2)]) {
    await withFile(text, async (ask) => {
      assertEquals((await ask({ id: "a", prompt: "Why?\n# Inputs:\nRain" })).text, "So.");
      // TRACE's constraints stand between the lines of the question
      assertEquals((await ask({ id: "a", prompt: "Why?\n1. Be brief;\n# Inputs:\nRain\n" })).text, "So.");
      assertStringIncludes(
        (await ask({ id: "b", prompt: "How?" })).error ?? "",
        "has no answer: generated is null",
      );
      assertStringIncludes(
        (await ask({ id: "c", prompt: "Why?\n# Inputs:\nRain" })).error ?? "",
        "has no answer for c",
      );
      assertStringIncludes(
        (await ask({ id: "a", prompt: "Whence?" })).error ?? "",
        "has this id, but another prompt",
      );
    });
  }
  const unnamed = { result: [{ question: "Why?", generated: "So." }] };
  await withFile(JSON.stringify(unnamed, null, 2), async (ask) => {
    assertEquals((await ask({ id: "7", prompt: "Why?" })).text, "So.");
  });
  await withFile(
    '{\n "scores": []\n}',
    (ask) => assertRejects(() => ask({ id: "a" }), SyntaxError, "without a list `result` of rows"),
  );
  const record = { stage: "generate", id: "a", key: "0", completion: { text: "So." }, sum: "0" };
  await withFile(
    JSON.stringify(record),
    (ask) =>
      assertRejects(() => ask({ id: "a" }), SyntaxError, "the record of an evaluation, which has no prompts"),
  );
});

Deno.test("recorded takes an empty answer whose end has no name for one", async () => {
  for (const finish_reason of ["", "null"]) {
    await withFile(lines({ prompt: "P", response: "", finish_reason }), async (ask) => {
      const { outcome, text, error } = await ask({ prompt: "P" });
      assertEquals([outcome, text], ["stop", ""], error);
    });
  }
});

Deno.test("recorded: a row with a prompt isn't an evaluation's record, whatever its further fields are called", async () => {
  const row = { prompt: "P", response: "3", stage: "test", key: "7", sum: "1 + 2" };
  await withFile(lines(row), async (ask) => assertEquals((await ask({ prompt: "P" })).text, "3"));
});
