import { assertEquals } from "@std/assert";

import { openDataSet } from "../../tests/helpers/open_data_set.ts";
import type { ExampleShape } from "../kinds/dataset.ts";

/** A plugin's example of one record, in short: roles and texts of prompt and answers, or the reason why not. */
function read(record: Record<string, unknown>, shape: ExampleShape, formatting = "trl"): unknown {
  const got = openDataSet(formatting, shape, Object.keys(record)).convert(record);
  if ("reason" in got) return `${got.field}: ${got.reason}`;
  const prompts = Object.values(got.prompts).map((turns) =>
    turns.map(({ role, content }) => `${role}: ${content}`)
  );
  const answers = Object.fromEntries(
    Object.entries(got.answers).map(([name, { content }]) => [name, content]),
  );
  return {
    ...(got.system && { system: got.system }),
    prompts,
    answers,
    ...("desirable" in got && { desirable: got.desirable }),
  };
}

const user = (content: string) => ({ role: "user", content });
const answer = (content: string) => ({ role: "assistant", content });
const system = { role: "system", content: "be kind" };
const pair = (prompt: string[], chosen: string, rejected: string) => ({
  prompts: [prompt],
  answers: { chosen, rejected },
});

// The records are the examples of TRL's page on dataset formats and types, in our words.
Deno.test("trl: preference records with a prompt, as texts and as messages", () => {
  const wanted = pair(["user: sky?"], "blue", "green");
  assertEquals(read({ prompt: "sky?", chosen: "blue", rejected: "green" }, "pair"), wanted);
  assertEquals(
    read({ prompt: [user("sky?")], chosen: [answer("blue")], rejected: [answer("green")] }, "pair"),
    wanted,
  );
  assertEquals(
    read({ prompt: [system, user("sky?")], chosen: [answer("blue")], rejected: [answer("green")] }, "pair"),
    {
      system: "be kind",
      ...wanted,
    },
  );
});

Deno.test("trl: preference records whose prompt is what chosen and rejected share", () => {
  const wanted = pair(["user: sky?"], "blue", "green");
  const chosen = [user("sky?"), answer("blue")], rejected = [user("sky?"), answer("green")];
  assertEquals(read({ chosen, rejected }, "pair"), wanted);
  assertEquals(read({ prompt: "sky?", chosen, rejected }, "pair"), wanted); // UltraFeedback's cleaned rows
  assertEquals(
    read({ prompt: "sea?", chosen, rejected }, "pair"),
    "prompt: prompt is not among the turns of chosen",
  );
  const more = [user("a"), answer("b"), user("c")];
  assertEquals(
    read({ chosen: [...more, answer("d")], rejected: [...more, answer("e")] }, "pair"),
    pair(["user: a", "assistant: b", "user: c"], "d", "e"),
  );
  assertEquals(read({ chosen, rejected: chosen }, "pair"), pair(["user: sky?"], "blue", "blue"));
  assertEquals(
    read({
      chosen: [user("a"), answer("b"), user("c"), answer("d")],
      rejected: [user("a"), answer("x"), user("c"), answer("d")],
    }, "pair"),
    "chosen: chosen and rejected differ in more than one last answer",
  );
});

Deno.test("trl: HH dialogues in text", () => {
  const start = "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Tell me:\nwhy?\n\nAssistant:";
  const wanted = pair(["user: Hi", "assistant: Hello.", "user: Tell me:\nwhy?"], "Because.", "No.");
  assertEquals(read({ chosen: `${start} Because.`, rejected: `${start} No.` }, "pair"), wanted);
});

Deno.test("trl: prompt and completion, messages, label, text", () => {
  const single = { prompts: [["user: q"]], answers: { y: "a" } };
  assertEquals(read({ prompt: "q", completion: "a" }, "single"), single);
  assertEquals(read({ prompt: [user("q")], completion: [answer("a")] }, "single"), single);
  assertEquals(read({ messages: [system, user("q"), answer("a")] }, "single"), {
    system: "be kind",
    ...single,
  });
  assertEquals(read({ prompt: "q", completion: "a", label: false }, "kto"), { ...single, desirable: false });
  assertEquals(read({ text: "words" }, "text"), { prompts: [], answers: { y: "words" } });
});

Deno.test("sharegpt: roles and field names of other exports, where the entry names no tags", () => {
  const wanted = { system: "be kind", prompts: [["user: q"]], answers: { y: "a" } };
  const turn = (from: string, value: string) => ({ from, value });
  for (
    const [asks, says] of [["human", "gpt"], ["user", "assistant"], ["user", "chatgpt"], [
      "human",
      "model",
    ]] as const
  ) {
    const conversations = [turn("system", "be kind"), turn(asks, "q"), turn(says, "a")];
    assertEquals(read({ conversations }, "single", "sharegpt"), wanted, says);
  }
  assertEquals(read({ conversations: [system, user("q"), answer("a")] }, "single", "sharegpt"), wanted);
  assertEquals(
    read({ conversations: [turn("narrator", "q"), turn("gpt", "a")] }, "single", "sharegpt"),
    "conversations[0].from: role is not one of the tags",
  );
});

Deno.test("trl: a class label's 1 is desirable and its 0 isn't, as TRL makes a boolean of it", () => {
  const record = (label: unknown) => ({ prompt: "q", completion: "a", label });
  const wanted = (desirable: boolean) => ({ prompts: [["user: q"]], answers: { y: "a" }, desirable });
  for (const one of [1, 1n, "1", true, "True"]) assertEquals(read(record(one), "kto"), wanted(true));
  for (const none of [0, 0n, "0", false, "false"]) assertEquals(read(record(none), "kto"), wanted(false));
  for (const other of [2, -1, 0.5, "yes", [1], {}]) {
    assertEquals(read(record(other), "kto"), "label: kto tag is not true or false (1 or 0)");
  }
  assertEquals(read(record(null), "kto"), "label: kto tag is missing");
});

Deno.test("trl: chat_template_kwargs are the row's variables of the template, in every shape with a prompt", () => {
  const variables = (given: unknown, record: Record<string, unknown>, shape: ExampleShape) => {
    const row = { ...record, chat_template_kwargs: given };
    const got = openDataSet("trl", shape, Object.keys(row)).convert(row);
    return "reason" in got ? `${got.field}: ${got.reason}` : got.variables;
  };
  const single = { prompt: "q", completion: "a" };
  const given = { enable_thinking: false, mood: null }, text = '{"enable_thinking": false, "mood": null}';
  assertEquals(variables(given, single, "single"), text);
  assertEquals(variables(given, { messages: [user("q"), answer("a")] }, "single"), text);
  assertEquals(variables(given, { prompt: "q", chosen: "a", rejected: "b" }, "pair"), text);
  assertEquals(variables(given, { ...single, label: true }, "kto"), text);
  for (const none of [null, {}]) assertEquals(variables(none, single, "single"), undefined);
  for (const wrong of ["{}", [1], 3]) {
    assertEquals(
      variables(wrong, single, "single"),
      "chat_template_kwargs: chat_template_kwargs is not an object",
    );
  }
  assertEquals(
    variables({ tools: [] }, single, "single"),
    "chat_template_kwargs.tools: chat_template_kwargs has tools, which is no variable",
  );
});
