/**
 * Examples encoded as a run does it.
 * @module
 */
import { loadTokenizerSync, type Tokenizer } from "../../../../formats/tokenizer/mod.ts";
import type { Example, ExampleShape, Message } from "../../../../plugins/kinds/dataset.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import { type Template, templates } from "../../../../plugins/templates/mod.ts";
import { prepareTokenizer } from "../../../../plugins/kinds/tokenizer/prepare_tokenizer.ts";
import type { EncodeOptions } from "./encode_options.ts";
import type { NotEncoded } from "./encoding.ts";
import { encodeBatch } from "./encode_batch.ts";
import { toExamples } from "./store.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { Registry } from "../../../../plugins/registry.ts";

/** The tokenizer of the goldens of data sets. */
export const GOLDEN_TOKENIZER = loadTokenizerSync(
  new URL("../../../../fixtures/goldens/datasets/tokenizer", import.meta.url).pathname,
);

/** Sequences of a loss of each shape. */
export const SEQUENCES_OF: Record<ExampleShape, Loss["sequences"]> = {
  text: { y: ["", "y"] },
  single: { y: ["x", "y"] },
  pair: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
  kto: { y: ["x", "y"], kl: ["x", "kl"] },
  iopo: { x1y1: ["x1", "y1"], x1y2: ["x1", "y2"], x2y2: ["x2", "y2"], x2y1: ["x2", "y1"] },
  prompt: { y: ["x", "y"] },
};

/** Options that cut nothing. */
export const ENCODE_OPTIONS: EncodeOptions = {
  cutoff_len: 2048,
  truncation: "llama_factory",
  train_on_prompt: false,
  predict_with_generate: false,
  mask_history: false,
  packing: false,
  split_special_tokens: true,
};

/** A built-in template, and the tokenizer as it wants it. */
export function preparedTemplate(
  name: string,
  options: Record<string, unknown> = {},
): { template: Template; tokenizer: Tokenizer } {
  const template = new Registry(templates).create("template", name, options);
  return { template, tokenizer: prepareTokenizer(template, GOLDEN_TOKENIZER).tokenizer };
}

/** As a run does it: encoded into one block, from which the examples are read. */
export function encodedAll(
  examples: readonly Example[],
  how: Parameters<typeof encodeBatch>[1],
): (EncodedExample | NotEncoded)[] {
  const { block, outcomes } = encodeBatch(examples, how), { sequences, tokenizer } = how;
  const used = examples.filter((_, i) => !("reason" in outcomes[i]!));
  const stored = used.map(({ source, desirable }, index) => ({
    ...{ block, index, source },
    ...(desirable !== undefined && { desirable }),
  }));
  const read = toExamples(stored, Object.keys(sequences), tokenizer.eosId ?? -1);
  let next = 0;
  return outcomes.map((outcome) => "reason" in outcome ? outcome : read[next++]!);
}

/** The same of one example, by a plain tokenizer. */
export function encodedOne(
  example: Example,
  sequences: Loss["sequences"],
  template: Template | null,
  options: EncodeOptions,
) {
  return encodedAll([example], { sequences, template, tokenizer: tiny, options })[0]!;
}

/** As an array, for comparisons. */
export const asList = (x: ArrayLike<number>) => Array.from(x);

/** Template qwen without a system text, and the tokenizer as it wants it. */
export const { template: qwen, tokenizer: tiny } = preparedTemplate("qwen", { default_system: "" });
/** A conversation of one question. */
export const userTurn = (content: string): Message[] => [{ role: "user", content }];
/** An answer. */
export const assistantTurn = (content: string): Message => ({ role: "assistant", content });

/** An example of nothing but what is given. */
export const exampleOf = (over: Partial<Example>): Example => ({
  source: { file: "f", row: 0 },
  shape: "single",
  system: "",
  tools: "",
  prompts: {},
  answers: {},
  ...over,
});
/** A quadruple: questions of 9 and 12 letters, answers of 4 and 8. */
export const QUAD = exampleOf({
  shape: "iopo",
  prompts: { x1: userTurn("aaaa bbbb"), x2: userTurn("aaaa bbbb cc") },
  answers: { y1: assistantTurn("dddd"), y2: assistantTurn("eeeeeeee") },
});
