/** Every reader of judges' texts, and what prepares a response for a judge, takes time in proportion to the text. */
import { assertLinear, everyThird, HOSTILE_PARTS, hostileTexts } from "../../tests/helpers/growth.ts";
import type { BenchmarkItem } from "../kinds/benchmark.ts";
import { cfbenchProtocol } from "./cfbench/cfbench.ts";
import { traceProtocol } from "./trace/trace.ts";

const item: BenchmarkItem = {
  id: "i",
  messages: [{ role: "user", content: "Do it." }],
  constraints: ["1. be brief", "2. be kind", "3. be right"].map((text) => ({ text, groups: {} })),
  groups: {},
  fields: {},
};

const VERDICTS = [
  ...[
    '"a": 1',
    '"a": 1, ',
    '{"a": ',
    '{"a": 1}, ',
    "[1, ",
    "[{",
    "{}",
    "10, ",
    "1",
    '"1": 10, ',
    '"score": 1, ',
    "'a': 1, ",
    "“a”: 1, ",
  ],
  ...[
    '" : ',
    '": "',
    '"a',
    "a: 1\n",
    "1. a: 10\n",
    "1. be brief: 10\n",
    "- a\n",
    "| a | 1 |\n",
    "|1",
    "a: ",
    "a - ",
    "(1) ",
    "(10/10): ",
    "/* ",
    "// ",
    "1 # ",
    "1 -> ",
    "[[1]] ",
    "[[1",
    "10/10 ",
  ],
  ...[
    "fine grained score: ",
    "fine grained score: a, b, ",
    "C1=10, ",
    "(10, ",
    "<li>",
    "<b>1</b>",
    "<td ",
    '<constraint id="',
    "fine grained score: [",
    "Fine Grained Score\n",
    "overall score: ",
    "overall score: 1 ",
    "overall score [[",
    "overall ",
  ],
  ...[
    "Overall Score\n",
    "(1+1)/2 = ",
    "\\boxed{",
    "constraint ",
    "Explanation: ",
    ": ten ",
    ": 满分",
    "(8分",
    "- score: 1\n",
    "score: ",
    "✅ ",
    "1️⃣",
    "10 — 1 of 2 ",
    "甲\t1\n",
    "甲\t1\n\n",
    "\t1",
    "\\t1\n",
    "１",
    "\t１\n",
    "1_0",
    "【【",
    "］］",
  ],
];
const PARTS = [...HOSTILE_PARTS, ...VERDICTS];
const AROUND = [
  ["", ""],
  ["Fine Grained Score: ", "\nConstraints Overall Score: [[5]]"],
  ['Fine Grained Score: [{"1. be brief', '": 10}]\nConstraints Overall Score: [[5]]'],
  ['Fine Grained Score: [{"1. be brief": 1', '0, "2. be kind": 3}]'],
  ["### Fine Grained Score\n1. be brief", ": 10\n### Constraints Overall Score\n[[5]]"],
  ["Constraints Overall Score: [[1", "0]]"],
  ["be brief\t", "1"],
] as const;

const readers: Record<string, (text: string) => void> = {
  "TRACE's reader": (text) => traceProtocol().read(item, text),
  "CFBench's reader, fixed": (text) => cfbenchProtocol("fixed").read(item, text),
  "CFBench's reader, upstream": (text) => cfbenchProtocol("upstream").read(item, text),
  "TRACE's reader of JSON": (text) => traceProtocol().structured.read(item, text, "r"),
};

for (const [reader, [name, read]] of Object.entries(readers).entries()) {
  const around = name.startsWith("TRACE's reader")
    ? AROUND
    : AROUND.filter(([before]) => !/grained|Overall/i.test(before));
  for (const [turn, [before, behind]] of around.entries()) {
    Deno.test(`${name} is linear in the judge's text: ${JSON.stringify(before + "…" + behind)}`, () => {
      for (const { name, of } of hostileTexts(everyThird(PARTS, reader + turn), [[before, behind]])) {
        assertLinear(name, of, read);
      }
    });
  }
}

for (
  const [turn, [name, protocol]] of Object.entries({
    trace: traceProtocol(),
    cfbench: cfbenchProtocol("fixed"),
  }).entries()
) {
  Deno.test(`what ${name} puts into a judge's prompt is linear in the response`, () => {
    for (const { name, of } of hostileTexts(everyThird(PARTS, turn))) {
      assertLinear(name, of, (text) => protocol.messages(item, text));
    }
  });
}
