import { assertEquals } from "@std/assert";

import { assertLinear } from "../../../tests/helpers/growth.ts";
import type { Completion } from "../endpoint.ts";
import { separateThought, withThoughtApart } from "./thoughts.ts";

const A = "The answer.";
const cases: [name: string, text: string, thought: string, answer: string, closed?: boolean][] = [
  ["no tags", ` ${A}\n`, "", ` ${A}\n`],
  ["whole tags", `<think>\nPlan.\n</think>\n\n${A}`, "Plan.", A],
  ["white space in front", `\n <think>Plan.</think>${A}`, "Plan.", A],
  ["a pair of reasoning", `<reasoning>\nPlan.\n</reasoning>\n${A}`, "Plan.", A],
  ["other pairs", `[THINK]Plan.[/THINK]${A}`, "Plan.", A],
  ["capitals", `<Think>Plan.</THINK> ${A}`, "Plan.", A],
  ["an empty thought", `<think>\n\n</think>\n\n${A}`, "", A],
  ["several thoughts in a row", `<think>a</think>\n<thinking>b</thinking>${A}`, "a\n\nb", A],
  ["a closing tag alone", `Plan.\n</think>\n\n${A}`, "Plan.", A],
  ["a closing tag alone at the start", `</think>${A}`, "", A],
  ["a closing tag of another kind inside", `<think>a</thinking>b</think>${A}`, "a</thinking>b", A],
  ["an opening tag inside", `<think>a <think> b</think>${A}`, "a <think> b", A],
  ["a closing tag in the answer", `<think>a</think>Write </think>.`, "a", "Write </think>."],
  ["never closed", "<think>\nPlan and", "Plan and", "", false],
  ["closed, then never closed", "<think>a</think>\n<think>b", "a\n\nb", "", false],
  ["a later thought", `<think>a</think>${A}\n<think>b</think>\nMore.`, "a\n\nb", `${A}\n\nMore.`],
  [
    "a later thought in a fence",
    `<think>a</think>\n\`\`\`\n<think>b</think>\n\`\`\``,
    "a",
    "```\n<think>b</think>\n```",
  ],
  ["a later thought without an end", `<think>a</think>${A}\n<think>b`, "a", `${A}\n<think>b`],
  ["tags in the middle", `Write <think>x</think> here.`, "", `Write <think>x</think> here.`],
  [
    "channels",
    `<|channel|>analysis<|message|>Plan.<|end|><|start|>assistant<|channel|>final<|message|>${A}`,
    "Plan.",
    A,
  ],
  ["a channel never closed", "<|channel|>analysis<|message|>Plan", "Plan", "", false],
  ["channels without their special tokens", `analysisPlan.assistantfinal${A}`, "Plan.", A],
  ["a word that is also a channel's name", "Analysis of tea.", "", "Analysis of tea."],
  ["words", `Here is my thought process:\nPlan.\n\nHere is my response:\n${A}`, "Plan.", A],
  ["words alone", "Here is my thought process: first, tea.", "", "Here is my thought process: first, tea."],
  ["closing words alone", `Here is my response: ${A}`, "", `Here is my response: ${A}`],
  ["a quoted closing tag", "End it by `</think>`.", "", "End it by `</think>`."],
  ["a quoted one, then a real one", "Not '</think>'.\n</think>Yes", "Not '</think>'.", "Yes"],
];
for (const [name, text, thought, answer, closed = true] of cases) {
  Deno.test(`separateThought(): ${name}`, () => {
    assertEquals(separateThought(text), { thought, answer, closed });
  });
}

Deno.test("separateThought() looks for the tags it is given and no others", () => {
  assertEquals(separateThought("<r>a</r>b", [["<r>", "</r>"]]), { thought: "a", answer: "b", closed: true });
  assertEquals(separateThought("<think>a</think>b", [["<r>", "</r>"]]).answer, "<think>a</think>b");
  assertEquals(separateThought("<think>a</think>b", []).answer, "<think>a</think>b");
  const odd = [["(*", "*)"], ["^", "$"]] as const;
  assertEquals(separateThought("(* a *) b", odd), { thought: "a", answer: "b", closed: true });
});

Deno.test("separateThought() takes time that grows with the text, not with its square", () => {
  const times = (part: string) => (length: number) => part.repeat(Math.ceil(length / part.length));
  const hard: [name: string, of: (length: number) => string][] = [
    ["opening tags", times("<think>")],
    ["thoughts", times("<think>a</think>")],
    ["opening tags behind a thought", (length) => "<think>a</think>x" + times("\n<think>")(length)],
    ["spaces", times(" ")],
    ["quoted closing tags", times("`</think>`")],
    ["tags of several kinds", (length) => "a</think>" + times("\n<thought>\n<thinking>\n<think>")(length)],
  ];
  for (const [name, of] of hard) assertLinear(name, of, (text) => void separateThought(text));
});

const completion = (text: string, more: Partial<Completion> = {}): Completion => ({
  outcome: "stop",
  text,
  promptTokens: 1,
  completionTokens: 2,
  ...more,
});

Deno.test("withThoughtApart() keeps the thought beside the answer", () => {
  assertEquals(
    withThoughtApart(completion("<think>a</think>b")),
    completion("b", { thought: "a" }),
  );
  assertEquals(
    withThoughtApart(completion("b", { thought: "from a field" })),
    completion("b", { thought: "from a field" }),
  );
  assertEquals(withThoughtApart(completion(" b ")), completion(" b "));
  assertEquals(withThoughtApart(completion("<think>a</think>b"), []).text, "<think>a</think>b");
});

Deno.test("withThoughtApart(): a thought without an answer is an outcome of its own, an empty answer is not", () => {
  const only = (text: string, more: Partial<Completion>) => {
    const { outcome, text: answer, thought } = withThoughtApart(completion(text, more));
    return [outcome, answer, thought];
  };
  const cut = { outcome: "length" as const };
  assertEquals(only("<think>a", cut), ["thought_only", "", "a"]);
  assertEquals(only("<think>a", {}), ["thought_only", "", "a"]);
  assertEquals(only("<think>", cut), ["thought_only", "", undefined]);
  assertEquals(only("<think>a</think>\n", cut), ["thought_only", "", "a"]);
  assertEquals(only("", { thought: "a", ...cut }), ["thought_only", "", "a"]);
  assertEquals(only("", { thought: "a" }), ["thought_only", "", "a"]);
  assertEquals(only("<think>a</think>\n", {}), ["stop", "", "a"]);
  assertEquals(only("", {}), ["stop", "", undefined]);
  assertEquals(only("<think>a</think>half", cut), ["length", "half", "a"]);
  assertEquals(only("<think>", { outcome: "content_filter" }), ["content_filter", "<think>", undefined]);
});
