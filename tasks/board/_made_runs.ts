/**
 * Runs for tests of the board.
 * @module
 */
import { join } from "@std/path";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { resolveEvalConfig } from "../eval/config/config.ts";
import { evaluate } from "../eval/run.ts";

/** Texts that would do something if a page took them for markup, or a script's text for its end. */
export const HOSTILE_TEXTS: readonly string[] = [
  "<script>document.title='owned'</script>",
  "</script><script>document.title='owned'</script>",
  "<img src=x onerror=\"document.title='owned'\">",
  "<svg onload=\"document.title='owned'\">",
  "<svg><script>document.title='owned'</script></svg>",
  "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>",
  "<body onload=\"document.title='owned'\">",
  "<a href=\"javascript:document.title='owned'\">x</a>",
  "javascript:document.title='owned'",
  '" onmouseover="document.title=\'owned\'" x="',
  "' onfocus='document.title=`owned`' autofocus x='",
  "<style>*{display:none}</style>",
  "<link rel=stylesheet href=//example.org/x.css>",
  "<meta http-equiv=refresh content='0;url=//example.org'>",
  "<form action=//example.org><input autofocus onfocus=\"document.title='owned'\">",
  "<!--><img src=x onerror=\"document.title='owned'\">-->",
  "<![CDATA[<img src=x onerror=\"document.title='owned'\">]]>",
  "<math><mtext></form><form><mglyph><style></math><img src=x onerror=\"document.title='owned'\">",
  "&lt;script&gt;document.title='owned'&lt;/script&gt;",
  "${document.title='owned'} {{constructor.constructor('document.title=1')()}}",
  "\u0000<img src=x onerror=\"document.title='owned'\">\u2028\u2029",
  "\u202e<details open ontoggle=\"document.title='owned'\">",
];

/** A line of trainer_log.jsonl. */
export function trainerLogLine(step: number, values: Record<string, number> = {}): string {
  return JSON.stringify({
    current_steps: step,
    total_steps: 100,
    loss: 1 / step,
    lr: 1e-4,
    elapsed_time: `0:0${Math.floor(step / 6)}:${step % 6}0`,
    remaining_time: "1:00:00",
    total_tokens: step * 1000,
    ...values,
  }) + "\n";
}

/** A training run that has logged so many steps; gives its folder. */
export function makeRun(folder: string, steps: number): string {
  Deno.mkdirSync(folder, { recursive: true });
  const lines = Array.from({ length: steps }, (_, i) => trainerLogLine(i + 1));
  Deno.writeTextFileSync(join(folder, "trainer_log.jsonl"), lines.join(""));
  Deno.writeTextFileSync(join(folder, "run.yaml"), `output_dir: ${folder}\nlearning_rate: ${steps}\n`);
  return folder;
}

/**
 * An evaluation by rules: an item a hostile text, which is its prompt, its constraint's text and its answer. The constraint is that the
 * answer has the word title, so that some pass.
 * @param answer Of an item, by its number
 */
export async function makeEvaluation(
  folder: string,
  answer: (text: string, i: number) => string,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const lines = (row: (text: string, i: number) => unknown) =>
    HOSTILE_TEXTS.map((text, i) => JSON.stringify(row(text, i)) + "\n").join("");
  const rows = join(folder, "rows.jsonl"), answers = join(folder, "answers.jsonl");
  await Deno.writeTextFile(
    rows,
    lines((text, i) => ({
      id: `item ${i}`,
      prompt: text,
      constraints: [{ text, rule: { id: "keywords:existence", kwargs: { keywords: ["title"] } } }],
      groups: { kind: i % 2 === 0 && i < 20 ? text : "odd" },
    })),
  );
  await Deno.writeTextFile(answers, lines((text, i) => ({ id: `item ${i}`, response: answer(text, i) })));
  const file = parseYaml(
    `evaluator: { type: constraints, args: { path: ${JSON.stringify(rows)} }, cache: false, ` +
      `model: { type: recorded, args: { path: ${JSON.stringify(answers)} } }, out_dir: ${
        JSON.stringify(folder + "/run")
      } }`,
    join(folder, "eval.yaml"),
  );
  const done = await evaluate(resolveEvalConfig(file, []).config, builtinRegistry(), {});
  if (!done.complete) throw new Error("The evaluation isn't complete");
}
