/**
 * Writes docs/errors.md: what bad input gets here, beside what LLaMA-Factory 0.9.5 said to the same.
 * `deno run -A docs/make_errors.ts` (`--print`: to standard output). It changes the current folder. A test says when the page is out of date, so every message on it is a real one.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";

import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { ERROR_CASES, type ErrorCase, GOLDEN_FOLDER } from "./_error_cases.ts";
import { BAD_REPLIES, saidToReply } from "./_error_replies.ts";

/** Text of docs/errors.md. */
export async function errorsPage(): Promise<string> {
  const rows: string[] = [];
  for (const one of ERROR_CASES) {
    const cells = [one.input, one.theirs, await outcome(one)].map((cell) =>
      cell.replaceAll("|", "\\|").replaceAll("\n", "<br>")
    );
    rows.push(`| ${cells.join(" | ")} |`);
  }
  const replies: string[] = [];
  for (const [what, reply] of BAD_REPLIES) replies.push(`| ${what} | ${await saidToReply(reply)} |`);
  return `# What bad input gets

<!-- Made by docs/make_errors.ts: don't edit. -->

Theirs: LLaMA-Factory 0.9.5, the last line of what it printed (20 to 240 lines before it, mostly a Python stack trace). Ours: all of what is
printed; no stack trace unless \`DINOTUNE_DEBUG=1\`, exit code 1, and before any work that the error would waste.

| input | theirs | ours |
| --- | --- | --- |
${rows.join("\n")}

## What a server's reply gets

The message of an item in \`deno task eval\`; none of them is tried again.

| reply | ours |
| --- | --- |
${replies.join("\n")}

## What others do without a word

| tool | what it does | here |
| --- | --- | --- |
| TRL 1.16 | a preference pair whose prompt fills \`max_length\` is dropped and not counted | cut or dropped as \`truncation\` says, and counted either way, the first one shown; above one row in a hundred there is a warning |
| transformers, a \`Trainer\` subclass with a loss of its own | gradients are N times too large under \`gradient_accumulation_steps: N\`, unless the subclass divides | a loss plugin gives one value an example and never divides: the trainer takes the mean over all micro-batches of a step (\`step_mean\` in docs/config.md) |
`;
}

async function outcome({ keys = {}, text, data = {}, before }: ErrorCase): Promise<string> {
  const folder = await Deno.makeTempDir();
  const here = Deno.cwd();
  try {
    await Deno.mkdir(join(folder, "data"));
    for (const name of ["dataset_info.json", "toy_sft.json", "toy_dpo.json"]) {
      await Deno.copyFile(join(GOLDEN_FOLDER, "data", name), join(folder, "data", name));
    }
    for (const [name, content] of Object.entries(data)) {
      await Deno.writeTextFile(join(folder, "data", name), content);
    }
    await Deno.symlink(join(GOLDEN_FOLDER, "model"), join(folder, "model"));
    const values: Record<string, unknown> = {
      model_name_or_path: "model",
      dataset_dir: "data",
      dataset: "toy_sft",
      template: "qwen",
      split_special_tokens: true,
      do_train: true,
      output_dir: "out",
      backend: "onnx", // "auto" says what it found, which differs from machine to machine
      max_steps: 1,
      ...keys,
    };
    const usual = stringify(
      Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
    );
    Deno.chdir(folder);
    await Deno.writeTextFile("train.yaml", text?.(usual) ?? usual);
    using _before = await before?.() ?? { [Symbol.dispose]() {} };
    const said: string[] = [];
    const progress = { ...silentProgress(), line: (line: string) => said.push(line) };
    try {
      await train("train.yaml", [], { say: (line) => said.push(line), progress });
      const worth = said.flatMap((line) => line.split("\n")).filter((line) =>
        /^(note|warning|\s+(dropped|cut) )/.test(line) && !/eos is|the adapter names its base/.test(line)
      );
      return ["trains", ...worth.map((line) => line.trim())].join("\n");
    } catch (error) {
      // of a lock: who holds it, and since when
      return (error as Error).message.replaceAll(Deno.cwd(), "/folder").replace(
        /process \d+ \(this one\)/,
        "process 4711",
      )
        .replace(/since \S+:/, "since 2026-11-28T06:00:00.000Z:")
        .replace(
          /begins with \w+: current value is \w+/,
          "begins with 0123456789ab: current value is ba9876543210",
        );
    }
  } finally {
    Deno.chdir(here);
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const page = await errorsPage();
  if (Deno.args.includes("--print")) console.log(page.trimEnd());
  else await Deno.writeTextFile(new URL("errors.md", import.meta.url), page);
  Deno.exit(0);
}
