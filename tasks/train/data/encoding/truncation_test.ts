/** What is cut away where an example is longer than cutoff_len, and what is left out for it. */
import { assert, assertEquals } from "@std/assert";
import type { EncodeOptions } from "./encode_options.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import {
  asList,
  assistantTurn,
  ENCODE_OPTIONS,
  encodedOne,
  exampleOf,
  QUAD,
  qwen,
  SEQUENCES_OF,
  tiny,
  userTurn,
} from "./_encoded.ts";

Deno.test("truncation keep_template keeps the assistant header, drop leaves long examples out", () => {
  const header = tiny.encode("<|im_end|>\n<|im_start|>assistant\n", { special: true });
  const encode = (cutoff_len: number, truncation: EncodeOptions["truncation"]) =>
    encodedOne(QUAD, SEQUENCES_OF.iopo, qwen, { ...ENCODE_OPTIONS, cutoff_len, truncation });
  const kept = encode(30, "keep_template") as EncodedExample;
  const cut = encode(30, "llama_factory") as EncodedExample;
  kept.sequences.forEach(({ name, input_ids, labels }, i) => {
    const start = asList(labels).findIndex((label) => label !== -100);
    assertEquals(asList(input_ids).slice(start - header.length, start), header, name);
    assertEquals(input_ids.length, cut.sequences[i]!.input_ids.length);
    assert(asList(cut.sequences[i]!.input_ids).slice(start - header.length, start).join() !== header.join());
  });
  assertEquals(encode(23, "keep_template"), { reason: "cutoff_len leaves no room for the template" });
  assertEquals(encode(40, "drop"), { reason: "longer than cutoff_len" });
  assert(!("reason" in encode(41, "drop")));
});

Deno.test("truncation keep_start and keep_end leave the beginning or end of the whole sequence, as TRL's ids[:n] and ids[-n:]", () => {
  const talk = exampleOf({
    prompts: { x: [...userTurn("say a"), assistantTurn("a b c d"), ...userTurn("say e")] },
    answers: { y: assistantTurn("e f g h i") },
  });
  for (const [one, shape] of [[QUAD, "iopo"], [talk, "single"]] as const) {
    const encode = (cutoff_len: number, truncation: EncodeOptions["truncation"]) =>
      encodedOne(one, SEQUENCES_OF[shape], qwen, {
        ...ENCODE_OPTIONS,
        cutoff_len,
        truncation,
      }) as EncodedExample;
    const whole = encode(1000, "llama_factory");
    const longest = Math.max(...whole.sequences.map(({ input_ids }) => input_ids.length));
    for (const n of [longest - 1, longest - 4]) {
      for (const [truncation, slice] of [["keep_start", [0, n]], ["keep_end", [-n]]] as const) {
        encode(n, truncation).sequences.forEach(({ name, input_ids, labels }, i) => {
          const all = whole.sequences[i]!;
          assertEquals(
            asList(input_ids),
            asList(all.input_ids).slice(...slice),
            `${shape} ${truncation} ${name}`,
          );
          // nothing comes before the first token
          assertEquals(asList(labels), [-100, ...asList(all.labels).slice(...slice).slice(1)]);
        });
      }
    }
  }
});

Deno.test("keep_start leaves out an example whose prompt fills cutoff_len, and keep_end cuts its prompt", () => {
  const long = exampleOf({ prompts: { x: userTurn("a".repeat(50)) }, answers: { y: assistantTurn("b") } });
  const encode = (truncation: EncodeOptions["truncation"]) =>
    encodedOne(long, SEQUENCES_OF.single, qwen, { ...ENCODE_OPTIONS, cutoff_len: 20, truncation });
  assertEquals(encode("keep_start"), { reason: "cut to cutoff_len, no answer token is left" });
  assert(!("reason" in encode("keep_end")));
});

Deno.test("a row to predict whose prompt keep_end takes away isn't answered, with the reason", () => {
  const long = exampleOf({ prompts: { x: userTurn("a") }, answers: { y: assistantTurn("b".repeat(50)) } });
  const encode = (cutoff_len: number) =>
    encodedOne(long, SEQUENCES_OF.single, qwen, {
      ...ENCODE_OPTIONS,
      cutoff_len,
      truncation: "keep_end",
      predict_with_generate: true,
    });
  assertEquals(encode(40), { reason: "cut to cutoff_len, no prompt token is left" });
  assert(!("reason" in encode(60)));
});

Deno.test("a prompt whose answers are drawn is never cut: one that is too long is left out", () => {
  const row = {
    ...exampleOf({ prompts: { x: userTurn("a".repeat(50)) }, answers: { y: assistantTurn("") } }),
    shape: "prompt" as const,
  };
  for (const truncation of ["llama_factory", "keep_template", "keep_start", "keep_end", "drop"] as const) {
    const encode = (cutoff_len: number) =>
      encodedOne(row, SEQUENCES_OF.prompt, qwen, { ...ENCODE_OPTIONS, cutoff_len, truncation });
    assertEquals(encode(40), { reason: "longer than cutoff_len" }, truncation);
    const { sequences } = encode(1000) as EncodedExample;
    const { length } = sequences[0]!.input_ids;
    assert(!("reason" in encode(length)), truncation);
    assertEquals(encode(length - 1), { reason: "longer than cutoff_len" }, truncation);
  }
});

Deno.test("an example of which no answer token is left is not used, with the reason", () => {
  const long = exampleOf({ prompts: { x: userTurn("a".repeat(50)) }, answers: { y: assistantTurn("b") } });
  const tiny1 = { ...ENCODE_OPTIONS, cutoff_len: 1 };
  assertEquals(encodedOne(long, SEQUENCES_OF.single, qwen, tiny1), {
    reason: "cut to cutoff_len, no answer token is left",
  });
});
