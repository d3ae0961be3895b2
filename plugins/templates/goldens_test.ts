import { assertEquals } from "@std/assert";

import { type EditableTokenizer, loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import type { Message } from "../kinds/dataset.ts";
import { type Template, templates } from "./mod.ts";
import { prepareTokenizer } from "../kinds/tokenizer/prepare_tokenizer.ts";
import { Registry } from "../registry.ts";

interface Labelled {
  input_ids: number[];
  label_spans?: [number, number][];
  labels?: number[];
  text?: string;
}

interface Case {
  name: string;
  system: string | null;
  tools?: string;
  messages: { role: string; content: string }[];
  error?: string;
  oneturn: { prompt_ids: number[]; response_ids: number[] };
  multiturn_lengths: [number, number][];
  supervised: Labelled;
  supervised_mask_history?: Labelled;
}

interface Run {
  template: string;
  variant: string;
  tokenizer: string;
  data_args: Record<string, unknown>;
  after: { bos: string | null; eos: string; eos_id: number; pad: string; pad_id: number; length: number };
  default_system: string;
  stop_words: string[];
  efficient_eos: boolean;
  jinja_written?: string;
  cases: Case[];
}

const root = new URL("../../", import.meta.url).pathname;
const goldens = JSON.parse(Deno.readTextFileSync(`${root}fixtures/goldens/templates/templates.json`)) as {
  runs: Run[];
};

/** LLaMA-Factory registers gemma3 with gemma's slots and marks (src/llamafactory/data/template.py of 0.9.5); images are all that differs. */
const runs = [
  ...goldens.runs,
  ...goldens.runs.filter(({ template }) => template === "gemma").map((run) => ({
    ...run,
    template: "gemma3",
  })),
];

/** The day on which the goldens were made, which llama3 writes into tool descriptions. */
const DATE = "23 Nov 2026";

function folder(tokenizer: string): string | null {
  if (tokenizer.startsWith("tiny")) return `${root}fixtures/goldens/tokenizers/${tokenizer}`;
  const from = Deno.env.get("DINOTUNE_TOKENIZERS");
  return from === undefined ? null : `${from}/${tokenizer}`;
}

function create(run: Run, more: Record<string, unknown> = {}): Template {
  return new Registry(templates).create("template", run.template, { ...run.data_args, date: DATE, ...more });
}

function messagesOf(one: Case): Message[] {
  return one.messages.map(({ role, content }) => ({
    role: (role === "observation" ? "tool" : role) as Message["role"],
    content,
  }));
}

/** Ids and labels as LLaMA-Factory's supervised processor joins turns (src/llamafactory/data/processor/supervised.py). */
function join(template: Template, tokenizer: EditableTokenizer, one: Case, maskHistory: boolean): Labelled {
  const turns = template.encodeTurns(tokenizer, {
    messages: messagesOf(one),
    system: one.system ?? "",
    tools: one.tools ?? "",
  }, { maskHistory });
  const input_ids: number[] = [], labels: number[] = [];
  const count = turns.length;
  turns.forEach(({ source, target }, i) => {
    const position = maskHistory ? count - 1 - i : i;
    source.forEach((id, index) => {
      input_ids.push(id);
      labels.push(template.efficientEos && position !== 0 && index === 0 ? tokenizer.eosId! : -100);
    });
    for (const id of target) {
      input_ids.push(id);
      labels.push(maskHistory && position !== 0 ? -100 : id);
    }
  });
  if (template.efficientEos) {
    input_ids.push(tokenizer.eosId!);
    labels.push(tokenizer.eosId!);
  }
  return { input_ids, labels };
}

function labelsOf(golden: Labelled): number[] {
  if (golden.labels) return golden.labels;
  const labels = golden.input_ids.map(() => -100);
  for (const [from, to] of golden.label_spans!) {
    for (let i = from; i < to; i++) labels[i] = golden.input_ids[i]!;
  }
  return labels;
}

for (const run of runs) {
  const path = folder(run.tokenizer);
  const title = `${run.template} ${run.variant} with ${run.tokenizer}`.replace("  ", " ");
  const reason = path === null
    ? " (ignored: DINOTUNE_TOKENIZERS isn't set, see fixtures/goldens/tokenizers)"
    : "";
  const load = () => {
    // as in LLaMA-Factory, special-token text of the data becomes special tokens
    const template = create(run, { split_special_tokens: false });
    return { template, ...prepareTokenizer(template, loadTokenizerSync(path!)) };
  };

  Deno.test(`template ${title} changes special tokens as LLaMA-Factory does${reason}`, {
    ignore: path === null,
  }, () => {
    const { template, tokenizer } = load();
    const name = (id: number | null) => id === null ? null : tokenizer.idToToken(id);
    assertEquals(name(tokenizer.bosId), run.after.bos);
    assertEquals([name(tokenizer.eosId), tokenizer.eosId], [run.after.eos, run.after.eos_id]);
    assertEquals([name(tokenizer.padId), tokenizer.padId], [run.after.pad, run.after.pad_id]);
    assertEquals(tokenizer.vocabSize, run.after.length);
    assertEquals(template.defaultSystem, run.default_system);
    assertEquals([...template.stopWords], run.stop_words);
    assertEquals(template.efficientEos ?? false, run.efficient_eos);
    if (run.jinja_written !== undefined) assertEquals(tokenizer.chatTemplate, run.jinja_written);
    const unchanged = loadTokenizerSync(path!).chatTemplate;
    if (run.jinja_written === undefined) assertEquals(tokenizer.chatTemplate, unchanged);
  });

  Deno.test(
    `template ${title} gives the ids and labels of LLaMA-Factory${reason}`,
    { ignore: path === null },
    () => {
      const { template, tokenizer } = load();
      for (const one of run.cases) {
        if (one.name === "placeholders") continue;
        const where = `${title}: ${one.name}`;
        const joined = join(template, tokenizer, one, false);
        assertEquals(joined.input_ids, one.supervised.input_ids, where);
        assertEquals(joined.labels, labelsOf(one.supervised), where);
        if (one.supervised_mask_history) {
          const masked = join(template, tokenizer, one, true);
          assertEquals(masked.input_ids, one.supervised_mask_history.input_ids, where);
          assertEquals(masked.labels, labelsOf(one.supervised_mask_history), where);
        }
        const [messages, system, tools] = [messagesOf(one), one.system ?? "", one.tools ?? ""];
        const turns = template.encodeTurns(tokenizer, { messages, system, tools });
        assertEquals(
          turns.map((turn) => [turn.source.length, turn.target.length]),
          one.multiturn_lengths,
          where,
        );
        const [turn] = template.encodeOneTurn!(tokenizer, { messages, system, tools });
        assertEquals(turn!.source, one.oneturn.prompt_ids, where);
        assertEquals(turn!.target, one.oneturn.response_ids, where);
      }
    },
  );

  Deno.test(
    `template ${title} leaves {{idx}} of a user's text alone${reason}`,
    { ignore: path === null },
    () => {
      const { template, tokenizer } = load();
      const one = run.cases.find((each) => each.name === "placeholders")!;
      const { input_ids } = join(template, tokenizer, one, false);
      // LLaMA-Factory puts the number of the turn there
      const text = one.supervised.text!.replace(
        "{{content}} 0 {{content}}",
        "{{content}} {{idx}} {{content}}",
      );
      assertEquals(tokenizer.decode(input_ids), text);
      const last = template.encodeOneTurn!(tokenizer, {
        messages: messagesOf(one),
        system: one.system ?? "",
        tools: "",
      })[0]!;
      assertEquals(last.target, one.oneturn.response_ids);
    },
  );

  Deno.test(`template ${title} keeps special-token text of the data as text${reason}`, {
    ignore: path === null,
  }, () => {
    const { tokenizer } = load();
    const template = create(run);
    const count = (name: string) => {
      const one = run.cases.find((each) => each.name === name)!;
      const { input_ids } = join(template, tokenizer, one, false);
      return {
        text: tokenizer.decode(input_ids),
        special: input_ids.filter((id) => tokenizer.specialIds.has(id)),
      };
    };
    // the same template around other texts has the same special tokens
    assertEquals(count("special_text").special, count("one_turn").special);
    const golden = run.cases.find((each) => each.name === "special_text")!;
    // SentencePiece puts a space in front of each text that it tokenises apart
    if (!run.tokenizer.endsWith("-sp")) assertEquals(count("special_text").text, golden.supervised.text);
  });
}

Deno.test("templates has all templates of the goldens by name", () => {
  const names = new Set(templates.map((plugin) => plugin.name));
  assertEquals(runs.map((run) => run.template).filter((name) => !names.has(name)), []);
  assertEquals(goldens.runs.reduce((sum, run) => sum + run.cases.length, 0), 545);
});
