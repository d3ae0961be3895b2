import { assertEquals } from "@std/assert";

import { stream, uniform } from "../../../kernels/random/counter.ts";
import { separateThought } from "./thoughts.ts";
import { ThoughtStream } from "./thought_stream.ts";

const TEXTS = [
  "Just an answer.",
  "  with space in front",
  "<think>one</think>two",
  "<think>\n one\n two \n</think>\n\n three <b>",
  "<THINK>a</Think> b",
  "<think>a</think>\n<thinking> b </thinking>  c",
  "<think></think>\n\nempty thought",
  "[THINK]x[/THINK]y",
  "<think>never closed </thin",
  "<think>a < b </ c > d</think>e",
  "<thin is no tag",
  "<",
  "",
  "<think>",
  "<think>a</think>",
  "<think>a</think>   ",
];

/** A text in pieces of 0 to 4 characters. */
function pieces(text: string, seed: number): string[] {
  const found: string[] = [];
  for (let from = 0, i = 0; from < text.length; i++) {
    const size = Math.floor(uniform(seed, stream("pieces"), i) * 5);
    found.push(text.slice(from, from + size));
    from += size;
  }
  return found;
}

Deno.test("ThoughtStream reads a text in any pieces as separateThought reads it whole", () => {
  for (const text of TEXTS) {
    const { thought, answer } = separateThought(text);
    for (let seed = 0; seed < 30; seed++) {
      const reader = new ThoughtStream();
      const parts = [...pieces(text, seed).map((piece) => reader.push(piece)), reader.end()];
      assertEquals(
        {
          thought: parts.map((part) => part.thought).join(""),
          answer: parts.map((part) => part.answer).join(""),
        },
        { thought, answer },
        `${JSON.stringify(text)}, seed ${seed}`,
      );
    }
  }
});

Deno.test("ThoughtStream hands text out as soon as it is no tag any more", () => {
  const reader = new ThoughtStream([["<think>", "</think>"]]);
  const steps = ["<th", "ink>", "ab ", "c</th", "is</think>", " d", "e"].map((text) => reader.push(text));
  assertEquals(steps.map(({ thought, answer }) => [thought, answer]), [
    ["", ""],
    ["", ""],
    ["ab", ""],
    [" c", ""],
    ["</this", ""],
    ["", "d"],
    ["", "e"],
  ]);
  const plain = new ThoughtStream([]);
  assertEquals(plain.push("<think>").answer, "<think>");
});
