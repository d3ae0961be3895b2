/**
 * Runs and an evaluation, made up without a model, as the board finds them in a folder.
 * @module
 */
import { join } from "@std/path";

import { item } from "../../../formats/elements.ts";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { resolveEvalConfig } from "../../eval/config/config.ts";
import { randomWords } from "../../eval/statistics/random_words.ts";
import { evaluate } from "../../eval/run.ts";

/** Steps between two lines of a log. */
const TOKENS_A_STEP = 4096, SECONDS_A_STEP = 1.5;
/** Characters that are written at once. */
const CHUNK = 1 << 20;
const RESAMPLES = 200, PAGE_ITEMS = 100;

/** A finished training of IOPO: its log has one line a step. @param seed Of its noise, and of how fast it learns */
export async function makeTrainingRun(folder: string, steps: number, seed: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const noise = noiseOf(seed), speed = 2 + 4 * noise(), least = 0.25 + 0.2 * noise();
  const clock = (seconds: number) =>
    `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(Math.floor(seconds) % 60)}`;
  const row = (step: number) => {
    const done = step / steps, learnt = 1 - Math.exp(-speed * done);
    const loss = least + (Math.LN2 - least) * (1 - learnt) + 0.06 * (noise() - 0.5);
    return JSON.stringify({
      current_steps: step,
      total_steps: steps,
      loss,
      lr: 1e-4 * Math.min(1, 10 * done) * (1 + Math.cos(Math.PI * done)) / 2,
      "rewards/margins": 1.6 * learnt + 0.4 * (noise() - 0.5),
      "rewards/accuracies": Math.min(1, 0.5 + 0.45 * learnt + 0.1 * (noise() - 0.5)),
      grad_norm: 1.5 - learnt + 0.5 * noise(),
      throughput: 2600 + 300 * noise(),
      memory: 700 * 2 ** 20 + 8 * 2 ** 20 * noise(),
      percentage: 100 * done,
      elapsed_time: clock(step * SECONDS_A_STEP),
      remaining_time: clock((steps - step) * SECONDS_A_STEP),
      total_tokens: step * TOKENS_A_STEP,
    });
  };
  await writeLines(join(folder, "trainer_log.jsonl"), steps, (i) => row(i + 1));
  await Deno.writeTextFile(
    join(folder, "run.yaml"),
    `stage: iopo\noutput_dir: ${JSON.stringify(folder)}\nlearning_rate: ${seed + 1}e-5\n`,
  );
  await Deno.writeTextFile(join(folder, "all_results.json"), "{}");
}

/** Kinds of constraints, and the rules that decide them. */
const KINDS = [
  [
    "keyword",
    (word: string) => `Use the word "${word}".`,
    (word: string) => ["keywords:existence", { keywords: [word] }],
  ],
  [
    "length",
    () => "Answer in at most 30 words.",
    () => ["length_constraints:number_words", { relation: "less than", num_words: 31 }],
  ],
  ["punctuation", () => "Use no commas.", () => ["punctuation:no_comma", {}]],
] as const;

const WORDS = ["river", "harvest", "lantern", "market", "engine", "garden", "violin", "harbour"];

/**
 * An evaluation of recorded answers by rules; its folder is `folder`/run.
 * @param skill Share of the constraints that the answers were written for, in [0, 1]
 */
export async function makeEvaluationRun(folder: string, items: number, skill: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const noise = noiseOf(7), chance = noiseOf(Math.round(skill * 1000));
  const rows = join(folder, "rows.jsonl"), answers = join(folder, "answers.jsonl");
  const wordOf = (i: number) => item(WORDS, i % WORDS.length);
  await writeLines(rows, items, (i) => {
    const kinds = KINDS.filter(() => noise() < 0.7), some = kinds.length === 0 ? KINDS.slice(0, 1) : kinds;
    return JSON.stringify({
      id: `item ${i}`,
      prompt: `Describe a morning at the ${WORDS[(i >> 3) % WORDS.length]}, number ${i}. ` +
        some.map(([, text]) => text(wordOf(i))).join(" "),
      constraints: some.map(([, text, rule]) => {
        const [id, kwargs] = rule(wordOf(i));
        return { text: text(wordOf(i)), rule: { id, kwargs } };
      }),
      groups: { kinds: some.map(([kind]) => kind).join(" + ") },
    });
  });
  await writeLines(answers, items, (i) => {
    const met = () => chance() < skill;
    const word = met() ? wordOf(i) : "place", comma = met() ? " and" : ",";
    const more = met()
      ? ""
      : ` ${"Nothing hurries and nothing is late in the calm of that early hour. ".repeat(3)}`;
    return JSON.stringify({
      id: `item ${i}`,
      response: `Mist lies over the ${word}${comma} people open their doors and greet each other.${more}`,
    });
  });
  const evaluator = {
    type: "constraints",
    args: { path: rows },
    cache: false,
    model: { type: "recorded", args: { path: answers } },
    out_dir: join(folder, "run"),
    // intervals and the report's own item browser are of no use here, and the larger part of the time
    resamples: RESAMPLES,
    page_items: PAGE_ITEMS,
  };
  const file = parseYaml(JSON.stringify({ evaluator }), join(folder, "eval.yaml"));
  const { config } = resolveEvalConfig(file, []);
  const done = await evaluate(config, builtinRegistry(), {});
  if (!done.complete) throw new Error("Cannot make the evaluation: some items have no score");
}

async function writeLines(path: string, count: number, line: (i: number) => string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  let text = "";
  for (let i = 0; i < count; i++) {
    text += line(i) + "\n";
    if (text.length < CHUNK && i < count - 1) continue;
    for (let bytes = encoder.encode(text); bytes.length > 0;) bytes = bytes.subarray(await file.write(bytes));
    text = "";
  }
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** Numbers in [0, 1), the same for a seed. */
function noiseOf(seed: number): () => number {
  const words = randomWords(seed);
  return () => words() / 2 ** 32;
}
