import { assert, assertEquals } from "@std/assert";
import type { Example, ExampleShape } from "../../../../plugins/kinds/dataset.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import { templates } from "../../../../plugins/templates/mod.ts";
import { datasetGolden } from "../../../../tests/helpers/dataset_goldens.ts";
import { openDataSet } from "../../../../tests/helpers/open_data_set.ts";
import { encodeParts } from "./encode.ts";
import { encodeOptions } from "./encode_options.ts";
import type { NotEncoded } from "./encoding.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { greedyKnapsack } from "./knapsack.ts";
import { Registry } from "../../../../plugins/registry.ts";
import {
  asList,
  assistantTurn,
  ENCODE_OPTIONS,
  encodedAll,
  encodedOne,
  exampleOf,
  GOLDEN_TOKENIZER,
  preparedTemplate,
  QUAD,
  qwen,
  SEQUENCES_OF,
  tiny,
  userTurn,
} from "./_encoded.ts";

const cases = datasetGolden("datasets.json").cases;

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
  const made = preparedTemplate(template, default_system === undefined ? {} : { default_system });
  const options = encodeOptions({ ...ENCODE_OPTIONS, neat_packing: false, ...args }, shape);
  const { template: own, tokenizer } = made;
  return encodedAll(examples, { sequences: SEQUENCES_OF[shape], template: own, tokenizer, options });
}

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
        input_ids: asList(s.input_ids),
        labels: asList(s.labels),
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
      const ids = bin.flatMap((j) => asList(sequences[j]!.input_ids));
      const labels = bin.flatMap((j) => asList(sequences[j]!.labels));
      const padding = c.args.cutoff_len - ids.length;
      assertEquals([...ids, ...Array(padding).fill(303)], c.encoded.input_ids[i], `${c.name} bin ${i}`);
      assertEquals([...labels, ...Array(padding).fill(-100)], c.encoded.labels[i], `${c.name} bin ${i}`);
      checked++;
    });
  }
  assertEquals(checked, 36);
});

Deno.test("IOPO: four sequences in the code's order, one budget for all (lengths by hand)", () => {
  // byte tokens: <|im_start|>user\n = 6, text, <|im_end|>\n<|im_start|>assistant\n = 13; answers: text, <|im_end|>\n = 2
  const whole = encodedOne(QUAD, SEQUENCES_OF.iopo, qwen, ENCODE_OPTIONS) as EncodedExample;
  const lengths = (e: EncodedExample) =>
    e.sequences.map((s) => [s.name, s.input_ids.length, asList(s.labels).filter((l) => l !== -100).length]);
  assertEquals(lengths(whole), [["x1y1", 34, 6], ["x1y2", 38, 10], ["x2y2", 41, 10], ["x2y1", 37, 6]]);
  // 30 tokens: longest prompt 31, longest answer 10; 2·10 < 30, so answers stay and prompts keep 20
  const cut = encodedOne(QUAD, SEQUENCES_OF.iopo, qwen, {
    ...ENCODE_OPTIONS,
    cutoff_len: 30,
  }) as EncodedExample;
  assertEquals(lengths(cut), [["x1y1", 26, 6], ["x1y2", 30, 10], ["x2y2", 30, 10], ["x2y1", 26, 6]]);
  assertEquals(
    asList(cut.sequences[0]!.input_ids).slice(0, 20),
    asList(whole.sequences[0]!.input_ids).slice(0, 20),
  );
});

Deno.test("stage pt: text and end of text, all learnt but the first token", () => {
  const text = exampleOf({ shape: "text", answers: { y: assistantTurn("ab <|im_end|>") } });
  const { sequences } = encodedOne(text, SEQUENCES_OF.text, null, ENCODE_OPTIONS) as EncodedExample;
  const ids = [...tiny.encode("ab <|im_end|>"), tiny.eosId!];
  assertEquals(asList(sequences[0]!.input_ids), ids);
  assert(!ids.slice(0, -1).includes(302), "a special token's text in the data stays text");
  assertEquals(asList(sequences[0]!.labels), [-100, ...ids.slice(1)]);
  const asTokens = { ...ENCODE_OPTIONS, split_special_tokens: false };
  const read = encodedOne(text, SEQUENCES_OF.text, null, asTokens) as EncodedExample;
  // PretrainDatasetProcessor of LLaMA-Factory 0.9.5 (transformers 5.6.0) with this tokenizer, whose end of text is 302
  assertEquals(asList(read.sequences[0]!.input_ids), [64, 65, 220, 302, 302]);
  const empty = exampleOf({ shape: "text", answers: { y: assistantTurn("") } });
  assertEquals(encodedOne(empty, SEQUENCES_OF.text, null, ENCODE_OPTIONS), { reason: "text is empty" });
});

Deno.test("kto: a sequence's cut doesn't depend on the other one (lengths by hand)", () => {
  const pair = exampleOf({
    shape: "kto",
    prompts: { x: userTurn("aaaa bbbb") },
    answers: { y: assistantTurn("dddd"), kl: assistantTurn("e".repeat(30)) },
    desirable: false,
  });
  // prompt 28 tokens, y 6, kl 32: y fits into 40; kl is cut in proportion, floor(40 · 32/60) = 21 and 19 of the prompt
  const got = encodedOne(pair, SEQUENCES_OF.kto, qwen, {
    ...ENCODE_OPTIONS,
    cutoff_len: 40,
  }) as EncodedExample;
  const lengths = got.sequences.map((s) => [
    s.input_ids.length,
    asList(s.labels).filter((label) => label !== -100).length,
  ]);
  assertEquals([lengths, got.desirable], [[[34, 6], [40, 21]], false]);
});

Deno.test("a row's chat_template_kwargs are the template's variables, in every shape of example", () => {
  const tokenizer = GOLDEN_TOKENIZER.withChatTemplate(
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
    const { kl: _, ...sequences } = SEQUENCES_OF[shape] as Loss["sequences"] & { kl?: never };
    const prompts = (given: unknown) => {
      const example = convert({ ...record, chat_template_kwargs: given }) as Example;
      const encoded = encodeParts(example, { sequences, template, tokenizer, options: ENCODE_OPTIONS });
      if ("reason" in encoded) return encoded;
      return encoded.sequences.map(({ parts }) => tokenizer.decode(Array.from(parts[0]?.ids ?? [])));
    };
    const each = (text: string) => Object.keys(sequences).map(() => text);
    assertEquals(prompts({ mood: "glad" }), each("q(glad)="), shape);
    assertEquals(prompts({ mood: 1.5 }), each("q(1.5)="), shape);
    assertEquals(prompts(null), each("q()="), shape);
  }
});
