/** Runs examples of `--help` by the command that is installed, in a folder that has what their names stand for. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { mockServer, mockText } from "../tasks/bench/eval/mock_server.ts";
import { exportModel } from "../tasks/export.ts";
import { createProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { type HelpGroup, OTHERS, type Way } from "./_help_examples.ts";
import { killedWith } from "./helpers/killed.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { within } from "./helpers/until.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const MODEL = join(ROOT, "fixtures/constraints/model");
const folder = join(temporaryFolder(), "work");
const quiet = { say: () => {}, progress: createProgress({ disabled: true }) };

/** Runs a line as a shell does, `dinotune` on its path. */
function shell(line: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", line],
    cwd: folder,
    env: {
      NO_COLOR: "1",
      OMP_NUM_THREADS: "1",
      PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
      OPENAI_API_KEY: "none",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function toEnd(line: string): Promise<{ code: number; out: string }> {
  const { code, stdout, stderr } = await shell(line).output();
  return { code, out: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Examples of a help, as typed, `dinotune` in place of `deno task`, and none of the explanations behind them. */
function examplesOf(text: string): string[] {
  return text.split("\n").slice(1).flatMap((line) =>
    /^ +(?:For example: )?((?:dinotune|curl|echo "[^"]*" \| dinotune) .*?)(?: {3,}.*| +#.*)?$/.exec(
      line.replace(/^For example: /, "  "),
    )?.[1] ?? []
  ).filter((example) => !/ (KIND|RUN|BENCH|NAME|CONFIG)\b| \[| --help/.test(example));
}

/** The key of an example in the table: paths of the clone as `deno task` prints them. */
function keyOf(example: string): string {
  return example.replaceAll(join(ROOT, "examples/"), "examples/").replace(/^dinotune /, "").replaceAll(
    "dinotune",
    "deno task",
  );
}

/** The installed command. */
function writeCommand(): void {
  const command = join(folder, "bin/dinotune");
  Deno.mkdirSync(join(folder, "bin"), { recursive: true });
  Deno.writeTextFileSync(
    command,
    `#!/bin/sh\nexec ${Deno.execPath()} run -A --no-check ${ROOT}tasks/dinotune.ts "$@"\n`,
  );
  Deno.chmodSync(command, 0o755);
}

/**
 * What examples find in their folder besides settings and the model: trained runs, the one that `train` alone writes, the model as a GGUF
 * file, a scored evaluation.
 */
export type Need = "runs" | "default run" | "gguf" | "scored";

const write = (name: string, text: string) => Deno.writeTextFileSync(join(folder, name), text);

async function writeRuns(withDefault: boolean): Promise<void> {
  const settings = [
    ...[`output_dir=${join(folder, "saves/lora")}`, "max_samples=4", "max_steps=2", "plot_loss=false"],
    ...["save_strategy=no", "eval_strategy=no", "val_size=0"],
  ];
  const names = ["a", "b", "saves/a", "saves/b", "saves/lr-1e-4", "saves/lr-5e-5"];
  if (withDefault) names.push("saves/default_iopo");
  Deno.mkdirSync(join(folder, "saves/sweep"), { recursive: true });
  await train(join(ROOT, "examples/default_iopo.yaml"), settings, quiet);
  // the same run under many names: what it learnt doesn't matter here
  for (const name of [...names, "saves/sweep/1", "saves/sweep/2"]) {
    const { success } = await new Deno.Command("cp", {
      args: ["-r", join(folder, "saves/lora"), join(folder, name)],
    }).output();
    assert(success, name);
  }
}

async function writeGguf(): Promise<void> {
  await exportModel(undefined, [
    ...[`model_name_or_path=${MODEL}`, `export_dir=${join(folder, "gguf")}`, "export_format=gguf"],
    ...["export_dtype=float16", "export_check=false"],
  ], quiet);
  const [{ name: file = "" } = {}] = [...Deno.readDirSync(join(folder, "gguf"))].filter(({ name }) =>
    name.endsWith(".gguf")
  );
  for (const name of ["smollm2.gguf", "MODEL.gguf"]) {
    Deno.copyFileSync(join(folder, "gguf", file), join(folder, name));
  }
}

async function writeScored(): Promise<void> {
  const { code, out } = await toEnd("dinotune eval m1.yaml");
  assertEquals(code, 0, out);
  const items = Deno.readTextFileSync(join(folder, "saves/m1/items.jsonl")).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const verdicts = items.filter(({ stage }) => stage === "judge");
  write(
    "people.jsonl",
    verdicts.map(({ id, judgement }) =>
      JSON.stringify({ id, scores: judgement.constraints.map(() => 4) }) + "\n"
    ).join(""),
  );
}

/** Settings and small files that names of the examples stand for. */
function writeFiles(judge: string): void {
  Deno.mkdirSync(join(folder, "saves"), { recursive: true });
  for (const name of ["saves/base", "MODEL", "PATH", "DIR"]) Deno.symlinkSync(MODEL, join(folder, name));
  const text = Deno.readTextFileSync(join(ROOT, "examples/default_iopo.yaml")).replaceAll(
    "../fixtures",
    join(ROOT, "fixtures"),
  )
    .replace("saves/default_iopo", "saves/my").replace(/^eval_steps: .*/m, "eval_steps: 2").replace(
      /^num_train_epochs: .*/m,
      "max_steps: 2",
    )
    .replace(/^val_size: .*/m, "val_size: 0.25") + "max_samples: 8\n";
  for (const name of ["my.yaml", "train.yaml"]) write(name, text);
  write(
    "merge.yaml",
    "model_name_or_path: saves/base\nadapter_name_or_path: saves/lora\ntemplate: chatml\nexport_dir: saves/merged\n",
  );
  const evaluator = (out_dir: string) =>
    JSON.stringify({
      evaluator: {
        type: "rows",
        dataset: { args: { url: join(ROOT, "fixtures/constraints/data/heldout.jsonl") } },
        model: {
          type: "local",
          args: { model: MODEL, backend: "onnx", name: "m1" },
          run_args: { temperature: 0, max_tokens: 32 },
        },
        evaluator_llm: { type: "openai", args: { name: "grader", api_base: judge, key: "none" } },
        ...{ max_samples: 4, resamples: 100, cache: false, out_dir },
      },
    });
  write("eval.yaml", evaluator("saves/judged"));
  write("m1.yaml", evaluator("saves/m1"));
  const synth = Deno.readTextFileSync(join(ROOT, "examples/synth/default.yaml")).replaceAll(
    "../../fixtures",
    join(ROOT, "fixtures"),
  );
  write(
    "synth.yaml",
    synth.replace("rows: 50", "rows: 4").replace("saves/synth/default", "saves/synth/rules"),
  );
  write("keys.txt", "sk-example-0123456789\n");
  const quad = (last: number) => ({
    x1_ids: [5, 6, 7, 8],
    y1_ids: [20, 21, last],
    x2_ids: [5, 6, 9],
    y2_ids: [30, last],
  });
  write("quads.json", JSON.stringify({ quads: [quad(23), quad(24)] }));
}

async function runs(
  example: string,
  { instead = {}, more, why, code = 0, says, listens }: Way,
): Promise<void> {
  assert(
    why !== undefined || (more === undefined && code === 0 && Object.keys(instead).length === 0),
    `${example}: why?`,
  );
  let line = example;
  for (const [from, to] of Object.entries(instead)) {
    assert(line.includes(from), `${example}: has no ${from}`);
    line = line.replace(from, to);
  }
  if (more !== undefined) line += ` ${more}`;
  if (!listens) {
    const ended = await toEnd(line);
    assertEquals(ended.code, code, `${line}\n${ended.out}`);
    assert(ended.out.includes(says), `${line}\n${says} isn't in\n${ended.out}`);
    return;
  }
  const child = shell(`exec ${line}`);
  await using _end = killedWith(child);
  const errors = child.stderr.pipeThrough(new TextDecoderStream());
  const heard = Array.fromAsync(errors);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let printed = "";
  while (!/http\S+\n/.test(printed)) {
    const { value, done } = await within(`the address of ${line}`, reader.read(), { said: () => printed });
    if (done) break;
    printed += value;
  }
  const [address = ""] = /http\S+/.exec(printed) ?? [];
  assert(address.startsWith(says), `${line}\n${printed}${address === "" ? (await heard).join("") : ""}`);
  const url = new URL(line.includes(" serve") ? "/v1/models" : address, address);
  const keys = line.includes("--keys") ? { authorization: "Bearer sk-example-0123456789" } : {};
  const response = await fetch(url, { headers: keys });
  await response.body?.cancel();
  assertEquals(response.status, 200, line);
  child.kill("SIGTERM");
  await reader.cancel();
  const { code: end } = await within(`the end of ${line}`, child.status);
  await heard;
  assertEquals(end, code, line);
}

/** The test of a group: the table has its helps' examples and no others, and each runs. */
export function testHelps({ helps, examples }: HelpGroup, needs: readonly Need[]): void {
  Deno.test({
    name: `every example of the helps of ${
      helps.join(", ")
    } runs as it is written, or smaller where the table says why`,
    // a minute or more of processes, by a shell
    ignore: !Deno.env.has("TEST_ALL") || Deno.build.os === "windows",
    async fn(t) {
      writeCommand();
      const found: string[] = [];
      for (const task of helps) {
        const { code, out } = await toEnd(`dinotune ${task} --help`);
        assertEquals(code, 0, out);
        found.push(...examplesOf(out));
      }
      const keys = found.map(keyOf);
      assertEquals(
        keys.filter((key) => !Object.hasOwn(examples, key) && !Object.hasOwn(OTHERS, key)),
        [],
        "not in the table",
      );
      assertEquals(
        Object.keys(examples).filter((key) => !keys.includes(key)),
        [],
        "no example of a help any more",
      );
      // every constraint is kept, so that the example's threshold is reached
      await using judge = mockServer({
        text: (request) => mockText(request).replaceAll(":8", ":10").replace("[[6]]", "[[10]]"),
      });
      writeFiles(judge.base);
      if (needs.includes("runs")) await writeRuns(needs.includes("default run"));
      if (needs.includes("gguf")) await writeGguf();
      if (needs.includes("scored")) await writeScored();
      for (const [key, way] of Object.entries(examples)) {
        await t.step(key, () => runs(found[keys.indexOf(key)] ?? "", way));
      }
    },
  });
}
