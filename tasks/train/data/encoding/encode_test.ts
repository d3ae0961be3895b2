import { assert, assertEquals } from "@std/assert";

import { loadTokenizerSync, type Tokenizer } from "../../../../formats/tokenizer/mod.ts";
import type { Example, ExampleShape, Message } from "../../../../plugins/kinds/dataset.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import { type Template, templates } from "../../../../plugins/templates/mod.ts";
import { prepareTokenizer } from "../../../../plugins/kinds/tokenizer/prepare_tokenizer.ts";
import { datasetGolden } from "../../../../tests/helpers/dataset_goldens.ts";
import { openDataSet } from "../../../../tests/helpers/open_data_set.ts";
import { type EncodeOptions, encodeOptions, encodeParts, type NotEncoded } from "./encode.ts";
import { encodeBatch } from "./encode_batch.ts";
import { toExamples } from "./store.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { greedyKnapsack } from "./knapsack.ts";
import { Registry } from "../../../../plugins/registry.ts";

const raw = loadTokenizerSync(
  new URL("../../../../fixtures/goldens/datasets/tokenizer", import.meta.url).pathname,
);
const cases = datasetGolden("datasets.json").cases;

const SEQUENCES: Record<ExampleShape, Loss["sequences"]> = {
  text: { y: ["", "y"] },
  single: { y: ["x", "y"] },
  pair: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
  kto: { y: ["x", "y"], kl: ["x", "kl"] },
  iopo: { x1y1: ["x1", "y1"], x1y2: ["x1", "y2"], x2y2: ["x2", "y2"], x2y1: ["x2", "y1"] },
};
const OPTIONS: EncodeOptions = {
  cutoff_len: 2048,
  truncation: "llama_factory",
  train_on_prompt: false,
  predict_with_generate: false,
  mask_history: false,
  packing: false,
  split_special_tokens: true,
};

/** A built-in template, and the tokenizer as it wants it. */
function prepared(
  name: string,
  options: Record<string, unknown> = {},
): { template: Template; tokenizer: Tokenizer } {
  const template = new Registry(templates).create("template", name, options);
  return { template, tokenizer: prepareTokenizer(template, raw).tokenizer };
}

const SHAPES: Record<string, ExampleShape> = { sft: "single", rm: "pair", kto: "kto" };

// deno-lint-ignore no-explicit-any -- golden
function encodeCase(c: any): (EncodedExample | NotEncoded)[] {
  const info = c.dataset_info;
  const shape = SHAPES[c.stage]!;
  const { convert } = openDataSet(info.formatting ?? "alpaca", shape, c.rows.flatMap(Object.keys), {
    ranking: info.ranking ?? false,
    columns: info.columns ?? null,
    tags: info.tags ?? null,
  });
  const { template, default_system, max_samples, ...args } = c.args;
  const rows = c.rows.slice(0, max_samples ?? c.rows.length);
  const examples = rows.map(convert).filter((row: object) => !("reason" in row)) as Example[];
  if (shape === "kto") examples.forEach((e, i) => e.answers.kl = examples.at(i - 1)!.answers.y!);
  const made = prepared(template, default_system === undefined ? {} : { default_system });
  const options = encodeOptions({ ...OPTIONS, neat_packing: false, ...args }, shape);
  const { template: own, tokenizer } = made;
  return encodeAll(examples, { sequences: SEQUENCES[shape], template: own, tokenizer, options });
}

/** As a run does it: encoded into one block, from which the examples are read. */
function encodeAll(
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

function encodeOne(
  example: Example,
  sequences: Loss["sequences"],
  template: Template | null,
  options: EncodeOptions,
) {
  return encodeAll([example], { sequences, template, tokenizer: tiny, options })[0]!;
}

const list = (x: ArrayLike<number>) => Array.from(x);

/** Ids and labels as LLaMA-Factory has them, by sequence. A label on the first token, which is never learnt, is taken off. */
// deno-lint-ignore no-explicit-any -- golden
function expectedRows(c: any): { name: string; input_ids: number[]; labels: number[] }[][] {
  const prefixes: Record<string, [string, string][]> = {
    sft: [["y", ""]],
    rm: [["chosen", "chosen_"], ["rejected", "rejected_"]],
    kto: [["y", ""], ["kl", "kl_"]],
  };
  const e = c.encoded;
  const first = `${prefixes[c.stage]![0]![1]}input_ids`;
  return (e[first] ?? []).map((_: unknown, i: number) =>
    prefixes[c.stage]!.map(([name, prefix]) => ({
      name,
      input_ids: e[`${prefix}input_ids`][i],
      labels: [-100, ...e[`${prefix}labels`][i].slice(1)].slice(0, e[`${prefix}labels`][i].length),
    }))
  );
}

/** Not here: rows on purpose otherwise (datasets_test.ts), packing (below). */
const SKIPPED =
  /^(alpaca_partial|alpaca_empty_columns|alpaca_all_rows|ranking_sharegpt_wrong|sharegpt_unknown_role|iopo_row|openai_tags|num_samples)|packing/;

Deno.test("a run gives LLaMA-Factory's ids and labels (goldens); rows without a label are left out", () => {
  let [checked, left] = [0, 0];
  for (const c of cases) {
    if (c.error || c.stage === "ppo" || SKIPPED.test(c.name)) continue;
    const got = encodeCase(c);
    const expected = expectedRows(c);
    assertEquals(got.length, expected.length, c.name);
    got.forEach((row, i) => {
      const hasLabels = expected[i]!.every(({ labels }) => labels.some((l) => l !== -100));
      if ("reason" in row) {
        assert(!hasLabels, `${c.name} row ${i}: ${row.reason}`);
        left++;
        return;
      }
      assert(hasLabels, `${c.name} row ${i} has nothing to learn`);
      const sequences = row.sequences.map((s) => ({
        name: s.name,
        input_ids: list(s.input_ids),
        labels: list(s.labels),
      }));
      assertEquals(sequences, expected[i]!, `${c.name} row ${i}`);
      checked++;
    });
  }
  assertEquals([checked, left], [133, 12]);
});

Deno.test("packing: bins of sequences equal LLaMA-Factory's packed rows (goldens, padding taken off)", () => {
  let checked = 0;
  for (const c of cases) {
    if (!/packing/.test(c.name)) continue;
    const rows = encodeCase(c).filter((row) => !("reason" in row)) as EncodedExample[];
    const sequences = rows.map((row) => row.sequences[0]!);
    const bins = greedyKnapsack(sequences.map((s) => s.input_ids.length), c.args.cutoff_len - 1);
    assertEquals(bins.length, c.encoded.input_ids.length, c.name);
    bins.forEach((bin, i) => {
      const ids = bin.flatMap((j) => list(sequences[j]!.input_ids));
      const labels = bin.flatMap((j) => list(sequences[j]!.labels));
      const padding = c.args.cutoff_len - ids.length;
      assertEquals([...ids, ...Array(padding).fill(303)], c.encoded.input_ids[i], `${c.name} bin ${i}`);
      assertEquals([...labels, ...Array(padding).fill(-100)], c.encoded.labels[i], `${c.name} bin ${i}`);
      checked++;
    });
  }
  assertEquals(checked, 36);
});

const { template: qwen, tokenizer: tiny } = prepared("qwen", { default_system: "" });
const user = (content: string): Message[] => [{ role: "user", content }];
const answer = (content: string): Message => ({ role: "assistant", content });
const example = (over: Partial<Example>): Example => ({
  source: { file: "f", row: 0 },
  shape: "single",
  system: "",
  tools: "",
  prompts: {},
  answers: {},
  ...over,
});
const quad = example({
  shape: "iopo",
  prompts: { x1: user("aaaa bbbb"), x2: user("aaaa bbbb cc") },
  answers: { y1: answer("dddd"), y2: answer("eeeeeeee") },
});

Deno.test("IOPO: four sequences in the code's order, one budget for all (lengths by hand)", () => {
  // byte tokens: <|im_start|>user\n = 6, text, <|im_end|>\n<|im_start|>assistant\n = 13; answers: text, <|im_end|>\n = 2
  const whole = encodeOne(quad, SEQUENCES.iopo, qwen, OPTIONS) as EncodedExample;
  const lengths = (e: EncodedExample) =>
    e.sequences.map((s) => [s.name, s.input_ids.length, list(s.labels).filter((l) => l !== -100).length]);
  assertEquals(lengths(whole), [["x1y1", 34, 6], ["x1y2", 38, 10], ["x2y2", 41, 10], ["x2y1", 37, 6]]);
  // 30 tokens: longest prompt 31, longest answer 10; 2·10 < 30, so answers stay and prompts keep 20
  const cut = encodeOne(quad, SEQUENCES.iopo, qwen, {
    ...OPTIONS,
    cutoff_len: 30,
  }) as EncodedExample;
  assertEquals(lengths(cut), [["x1y1", 26, 6], ["x1y2", 30, 10], ["x2y2", 30, 10], ["x2y1", 26, 6]]);
  assertEquals(
    list(cut.sequences[0]!.input_ids).slice(0, 20),
    list(whole.sequences[0]!.input_ids).slice(0, 20),
  );
});

Deno.test("truncation keep_template keeps the assistant header, drop leaves long examples out", () => {
  const header = tiny.encode("<|im_end|>\n<|im_start|>assistant\n", { special: true });
  const encode = (cutoff_len: number, truncation: EncodeOptions["truncation"]) =>
    encodeOne(quad, SEQUENCES.iopo, qwen, { ...OPTIONS, cutoff_len, truncation });
  const kept = encode(30, "keep_template") as EncodedExample;
  const cut = encode(30, "llama_factory") as EncodedExample;
  kept.sequences.forEach(({ name, input_ids, labels }, i) => {
    const start = list(labels).findIndex((label) => label !== -100);
    assertEquals(list(input_ids).slice(start - header.length, start), header, name);
    assertEquals(input_ids.length, cut.sequences[i]!.input_ids.length);
    assert(list(cut.sequences[i]!.input_ids).slice(start - header.length, start).join() !== header.join());
  });
  assertEquals(encode(23, "keep_template"), { reason: "cutoff_len leaves no room for the template" });
  assertEquals(encode(40, "drop"), { reason: "longer than cutoff_len" });
  assert(!("reason" in encode(41, "drop")));
});

Deno.test("truncation keep_start and keep_end leave the beginning or end of the whole sequence, as TRL's ids[:n] and ids[-n:]", () => {
  const talk = example({
    prompts: { x: [...user("say a"), answer("a b c d"), ...user("say e")] },
    answers: { y: answer("e f g h i") },
  });
  for (const [one, shape] of [[quad, "iopo"], [talk, "single"]] as const) {
    const encode = (cutoff_len: number, truncation: EncodeOptions["truncation"]) =>
      encodeOne(one, SEQUENCES[shape], qwen, { ...OPTIONS, cutoff_len, truncation }) as EncodedExample;
    const whole = encode(1000, "llama_factory");
    const longest = Math.max(...whole.sequences.map(({ input_ids }) => input_ids.length));
    for (const n of [longest - 1, longest - 4]) {
      for (const [truncation, slice] of [["keep_start", [0, n]], ["keep_end", [-n]]] as const) {
        encode(n, truncation).sequences.forEach(({ name, input_ids, labels }, i) => {
          const all = whole.sequences[i]!;
          assertEquals(
            list(input_ids),
            list(all.input_ids).slice(...slice),
            `${shape} ${truncation} ${name}`,
          );
          // nothing comes before the first token
          assertEquals(list(labels), [-100, ...list(all.labels).slice(...slice).slice(1)]);
        });
      }
    }
  }
});

Deno.test("keep_start leaves out an example whose prompt fills cutoff_len, and keep_end cuts its prompt", () => {
  const long = example({ prompts: { x: user("a".repeat(50)) }, answers: { y: answer("b") } });
  const encode = (truncation: EncodeOptions["truncation"]) =>
    encodeOne(long, SEQUENCES.single, qwen, { ...OPTIONS, cutoff_len: 20, truncation });
  assertEquals(encode("keep_start"), { reason: "cut to cutoff_len, no answer token is left" });
  assert(!("reason" in encode("keep_end")));
});

Deno.test("a row to predict whose prompt keep_end takes away isn't answered, with the reason", () => {
  const long = example({ prompts: { x: user("a") }, answers: { y: answer("b".repeat(50)) } });
  const encode = (cutoff_len: number) =>
    encodeOne(long, SEQUENCES.single, qwen, {
      ...OPTIONS,
      cutoff_len,
      truncation: "keep_end",
      predict_with_generate: true,
    });
  assertEquals(encode(40), { reason: "cut to cutoff_len, no prompt token is left" });
  assert(!("reason" in encode(60)));
});

Deno.test("an example of which no answer token is left is not used, with the reason", () => {
  const long = example({ prompts: { x: user("a".repeat(50)) }, answers: { y: answer("b") } });
  const tiny1 = { ...OPTIONS, cutoff_len: 1 };
  assertEquals(encodeOne(long, SEQUENCES.single, qwen, tiny1), {
    reason: "cut to cutoff_len, no answer token is left",
  });
});

Deno.test("stage pt: text and end of text, all learnt but the first token", () => {
  const text = example({ shape: "text", answers: { y: answer("ab <|im_end|>") } });
  const { sequences } = encodeOne(text, SEQUENCES.text, null, OPTIONS) as EncodedExample;
  const ids = [...tiny.encode("ab <|im_end|>"), tiny.eosId!];
  assertEquals(list(sequences[0]!.input_ids), ids);
  assert(!ids.slice(0, -1).includes(302), "a special token's text in the data stays text");
  assertEquals(list(sequences[0]!.labels), [-100, ...ids.slice(1)]);
  const asTokens = { ...OPTIONS, split_special_tokens: false };
  const read = encodeOne(text, SEQUENCES.text, null, asTokens) as EncodedExample;
  // PretrainDatasetProcessor of LLaMA-Factory 0.9.5 (transformers 5.6.0) with this tokenizer, whose end of text is 302
  assertEquals(list(read.sequences[0]!.input_ids), [64, 65, 220, 302, 302]);
  const empty = example({ shape: "text", answers: { y: answer("") } });
  assertEquals(encodeOne(empty, SEQUENCES.text, null, OPTIONS), { reason: "text is empty" });
});

Deno.test("kto: a sequence's cut doesn't depend on the other one (lengths by hand)", () => {
  const pair = example({
    shape: "kto",
    prompts: { x: user("aaaa bbbb") },
    answers: { y: answer("dddd"), kl: answer("e".repeat(30)) },
    desirable: false,
  });
  // prompt 28 tokens, y 6, kl 32: y fits into 40; kl is cut in proportion, floor(40 · 32/60) = 21 and 19 of the prompt
  const got = encodeOne(pair, SEQUENCES.kto, qwen, {
    ...OPTIONS,
    cutoff_len: 40,
  }) as EncodedExample;
  const lengths = got.sequences.map((s) => [
    s.input_ids.length,
    list(s.labels).filter((label) => label !== -100).length,
  ]);
  assertEquals([lengths, got.desirable], [[[34, 6], [40, 21]], false]);
});

Deno.test("a row's chat_template_kwargs are the template's variables, in every shape of example", () => {
  const tokenizer = raw.withChatTemplate(
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}({{ mood }}){% else %}={{ m['content'] }}.{% endif %}{% endfor %}" +
      "{% if add_generation_prompt %}={% endif %}",
  );
  const template = new Registry(templates).create("template", "auto", {});
  const records = {
    single: { prompt: "q", completion: "a" },
    pair: { prompt: "q", chosen: "a", rejected: "b" },
    kto: { prompt: "q", completion: "a", label: 1 },
  };
  for (const [shape, record] of Object.entries(records) as [ExampleShape, Record<string, unknown>][]) {
    const { convert } = openDataSet("trl", shape, [...Object.keys(record), "chat_template_kwargs"]);
    const { kl: _, ...sequences } = SEQUENCES[shape] as Loss["sequences"] & { kl?: never };
    const prompts = (given: unknown) => {
      const example = convert({ ...record, chat_template_kwargs: given }) as Example;
      const encoded = encodeParts(example, { sequences, template, tokenizer, options: OPTIONS });
      if ("reason" in encoded) return encoded;
      return encoded.sequences.map(({ parts }) => tokenizer.decode(Array.from(parts[0]?.ids ?? [])));
    };
    const each = (text: string) => Object.keys(sequences).map(() => text);
    assertEquals(prompts({ mood: "glad" }), each("q(glad)="), shape);
    assertEquals(prompts({ mood: 1.5 }), each("q(1.5)="), shape);
    assertEquals(prompts(null), each("q()="), shape);
  }
});
