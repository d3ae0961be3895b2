/**
 * Time of an evaluation by the endpoint `local`: IFEval's first prompts, greedy, with weights in several forms in turns, and whether
 * they give the same answers. Everything counts, from the start of the process to the last report.
 *
 *     deno task bench eval --local MODEL [--weights float32,stored] [--items 50] [--rounds 1]
 *
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import project from "../../../deno.json" with { type: "json" };
import { ownTemporaryFolder } from "../../../formats/own_temporary_folder.ts";
import type { BackendChoice } from "../../../kernels/engine/host.ts";
import { markdownTable } from "../../common/report/table.ts";
import type { AnswerState } from "../../eval/store/item_store.ts";
import { startChild } from "../child.ts";
import { type BenchView, UNSEEN } from "../view.ts";

/** Forms of weights by name, as options of the endpoint. */
export const FORMS = {
  float32: "weights: float32",
  stored: "weights: stored",
  "8": "quantization_bit: 8",
  "4": "quantization_bit: 4",
} as const;

/** Work of the bench. */
export interface LocalEvalBench {
  /** Directory, GGUF file or hub id. */
  model: string;
  /** Forms of weights; the first one's answers are those that others are compared with. */
  forms: readonly (keyof typeof FORMS)[];
  /** Prompts, 1 to 541. */
  items: number;
  /** Tokens of an answer, at most. */
  tokens: number;
  /** Runs of each form, in turns. */
  rounds: number;
  /** Where it runs. */
  backend: BackendChoice["backend"];
  /** Of onnx. */
  provider: BackendChoice["provider"];
}

/** Measurements of one form. */
export interface LocalEvalFigures {
  /** Form of the weights. */
  form: keyof typeof FORMS;
  /** Wall time of the whole process in seconds, the median of the rounds. */
  seconds: number;
  /** Tokens of all answers. */
  tokens: number;
  /** Answers with exactly the text that the first form gave. */
  same: number;
  /** Answers. */
  answers: number;
}

/** Measures. @throws {Error} If a run fails, or an item stays without an answer */
export async function benchLocalEval(
  bench: LocalEvalBench,
  view: BenchView = UNSEEN,
): Promise<LocalEvalFigures[]> {
  const folder = ownTemporaryFolder("dinotune-bench-eval-");
  try {
    const total = bench.rounds * bench.forms.length;
    const runs = bench.forms.map(() => [] as { seconds: number; answers: Answers }[]);
    for (let round = 0; round < bench.rounds; round++) {
      for (const [i, form] of bench.forms.entries()) {
        view.bar("runs", round * bench.forms.length + i, total, `weights ${form}`);
        const found = await oneRun(folder.path, bench, form);
        view.say(`${form}: ${found.seconds.toFixed(1)} s`);
        runs[i]?.push(found);
      }
    }
    view.bar("runs", total, total);
    const first = runs[0]?.[0]?.answers;
    return bench.forms.map((form, i) => {
      const own = runs[i] ?? [], answers = own[0]?.answers ?? new Map();
      const sorted = own.map(({ seconds }) => seconds).sort((a, b) => a - b);
      return {
        form,
        seconds: sorted[sorted.length >> 1] ?? NaN,
        tokens: [...answers.values()].reduce((sum, { tokens }) => sum + tokens, 0),
        same: [...answers].filter(([id, { text }]) => first?.get(id)?.text === text).length,
        answers: answers.size,
      };
    });
  } finally {
    folder.release();
  }
}

type Answers = ReadonlyMap<string, { text: string; tokens: number }>;

async function oneRun(
  folder: string,
  { model, items, tokens, backend, provider }: LocalEvalBench,
  form: keyof typeof FORMS,
): Promise<{ seconds: number; answers: Answers }> {
  const out = join(folder, "out"), file = join(folder, "eval.yaml");
  await Deno.writeTextFile(
    file,
    [
      "evaluator:",
      "  type: ifeval",
      `  model: { type: local, args: { model: ${JSON.stringify(model)}, ${
        FORMS[form]
      }, backend: ${backend}, provider: ${provider} }, ` +
      `run_args: { temperature: 0, max_tokens: ${tokens} } }`,
      `  out_dir: ${JSON.stringify(out)}`,
      "  cache: false",
      `  max_samples: ${items}`,
      "",
    ].join("\n"),
  );
  const begun = performance.now();
  const { code, stdout, stderr } = await startChild(Deno.execPath(), {
    // as in eval.ts: the task without the task runner
    args: [
      ...project.tasks.eval.command.split(" ").slice(1, -1),
      fileURLToPath(new URL("../../eval.ts", import.meta.url)),
      file,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const seconds = (performance.now() - begun) / 1000;
  if (code !== 0) {
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("").trim();
    throw new Error(`Cannot measure ${form}: ${text}`);
  }
  const answers = readAnswers(await Deno.readTextFile(join(out, "items.jsonl")));
  if (answers.size !== items) {
    throw new Error(`Cannot measure ${form} as answers are missing: ${answers.size} of ${items} came`);
  }
  await Deno.remove(out, { recursive: true });
  return { seconds, answers };
}

function readAnswers(lines: string): Answers {
  const states = lines.trim().split("\n").map((line) => JSON.parse(line) as { stage: string });
  return new Map(
    states.filter((state): state is AnswerState => state.stage === "generate").filter((
      { completion: { outcome } },
    ) => outcome === "stop" || outcome === "length").map((
      { id, completion: { text, completionTokens: tokens } },
    ) => [id, { text, tokens }] as const),
  );
}

/** The measurement as text. */
export function localEvalText(
  { model, items, tokens, backend, provider }: LocalEvalBench,
  figures: readonly LocalEvalFigures[],
): string {
  const rows = figures.map(({ form, seconds, tokens, same, answers }) => [
    form,
    seconds.toFixed(1),
    (seconds / (figures[0]?.seconds ?? NaN)).toFixed(2),
    (tokens / seconds).toFixed(0),
    `${same} of ${answers}`,
  ]);
  return [
    `${model}: ${items} IFEval prompts, greedy, at most ${tokens} tokens an answer, ${backend}/${provider}`,
    "",
    ...markdownTable({
      columns: [
        { title: "weights", align: "left" },
        { title: "seconds" },
        { title: "of the first" },
        { title: "tokens/s" },
        { title: `answers as ${figures[0]?.form}` },
      ],
      rows,
    }),
  ].join("\n");
}
