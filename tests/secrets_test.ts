/**
 * A secret that given in any way (file, argument, flag, address, wrong type, broken text) is shown in none: message,
 * `--dry-run`, run.yaml.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { HIDDEN } from "../formats/secrets.ts";
import { parseYaml, readYaml } from "../formats/yaml/yaml.ts";
import { parseArguments } from "../tasks/common/cli/arguments.ts";
import { errorText } from "../tasks/common/cli/print.ts";
import { resolveEvalConfig } from "../tasks/eval/config/config.ts";
import { evalTask } from "../tasks/eval.ts";
import { preview } from "../tasks/preview.ts";
import { recordOf } from "../tasks/train/config/record.ts";
import { resolveTrainConfig } from "../tasks/train/config/resolve.ts";
import { runYaml } from "../tasks/train/config/provenance.ts";
import { PROJECT_FOLDER, runDeno } from "./helpers/deno_process.ts";
import { type HeardTask, taskHere } from "./helpers/task_here.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const SECRET = "s3cr3tV4lue";
const TRAIN = "model_name_or_path: model\ndo_train: true\ndataset: toy\ntemplate: qwen\noutput_dir: out\n";
const EVAL = "evaluator:\n  type: rows\n  model:\n    type: openai\n    args:\n      name: m\n";
const made = { dinotune: "0", plugins: [], data: "", model: "", tokenizer: "" };

function refused(work: () => unknown): string {
  const error = assertThrows(work, Error);
  const [told, traced] = [errorText(error, false), errorText(error, true)];
  assert(!told.includes(SECRET), told);
  assert(!traced.includes(SECRET), traced);
  return told;
}

Deno.test("a training file's secrets are in no message", () => {
  const train = (more: string, ...overrides: string[]) =>
    refused(() => resolveTrainConfig(parseYaml(TRAIN + more, "train.yaml"), overrides));
  for (
    const more of [
      `hf_hub_token: [${SECRET}]`,
      `hf_hub_token: {a: ${SECRET}}`,
      `hf_hub_token:\n  - ${SECRET}\n  - ${SECRET}`,
      `hf_hub_token: ${SECRET}: x`,
      `hf_hub_token: 5\nhf_hub_token: ${SECRET}`,
      `learning_rate: hf_${SECRET}`,
      `api_key: ${SECRET}\nlearning_rate: x`,
      `report_to: https://me:${SECRET}@host/`,
      `trainer: {password: ${SECRET}}`,
      `stage: "api_key=${SECRET}"`,
    ]
  ) assert(train(more).includes("train.yaml"), more);
  for (
    const argument of [
      `hf_hub_token=[${SECRET}]`,
      `hf_hub_token=[${SECRET}, {`,
      `hf_hub_token={a: ${SECRET}}`,
      `hf_token=${SECRET}`,
      `api_key=${SECRET}`,
      `learning_rate=hf_${SECRET}`,
      `hf_hub_token.=${SECRET}`,
      `report_to=https://${SECRET}@host`,
    ]
  ) assert(train("", argument).includes("argument"), argument);
  refused(() => parseArguments([`--hf-hub-token=${SECRET}`], {}));
  refused(() => parseArguments([`--token=${SECRET}`], {}));
});

Deno.test("an evaluation's secrets are in no message", () => {
  const evaluate = (more: string, ...overrides: string[]) =>
    refused(() => resolveEvalConfig(parseYaml(EVAL + more, "eval.yaml"), ["nonsense=1", ...overrides]));
  for (
    const more of [
      `      api_key: ${SECRET}\n    run_args: {temperature: x}`,
      `  judge: {type: openai, args: [{api_key: ${SECRET}}]}`,
      `  evaluator_llm: {type: openai, args: {api_key: "${SECRET}"}, run_args: 1}`,
      `  password: ${SECRET}`,
      `      api_key: ${SECRET}: x`,
    ]
  ) evaluate(more);
  for (
    const argument of [
      `model.args.api_key=${SECRET}`,
      `model.args.api_key=[${SECRET}`,
      `model.args.name.api_key=${SECRET}`,
      `model.args.api_base=http://me:${SECRET}@host/v1`,
      `judge.api_key=${SECRET}`,
      `model={type: 5, args: {api_key: ${SECRET}}}`,
      `out_dir={token: ${SECRET}}`,
    ]
  ) evaluate("", argument);
});

Deno.test("run.yaml of a training holds no secret, and its repetition is the same run", () => {
  const { config } = resolveTrainConfig(parseYaml(
    TRAIN + `hf_hub_token: ${SECRET}\nplugins: ["https://me:${SECRET}@host/x.ts"]\n` +
      `trainer_options: {api_key: ${SECRET}, beta: 0.1}\ndefault_system: "token: kept"\n`,
    "train.yaml",
  ));
  const text = runYaml(config, made);
  assert(!text.includes(SECRET), text);
  const again = parseYaml(text, "run.yaml").value as Record<string, unknown>;
  assertEquals(again.default_system, "token: kept");
  assertEquals(again.trainer_options, { api_key: HIDDEN, beta: 0.1 });
});

Deno.test("--dry-run and every other way of the tasks print no secret", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "eval.yaml");
  Deno.writeTextFileSync(
    file,
    EVAL + `      api_key: ${SECRET}\n      api_base: http://me:${SECRET}@127.0.0.1:1/v1\n`,
  );
  const train = join(folder, "train.yaml");
  Deno.writeTextFileSync(
    train,
    TRAIN + `hf_hub_token: hf_${SECRET}\ntrainer_options: {api_key: ${SECRET}}\n`,
  );
  const unseen = ({ out }: HeardTask) => {
    assert(!out.includes(SECRET), out);
    return out;
  };
  const evaluate = async (...args: string[]) => unseen(await taskHere(() => evalTask([file, ...args])));
  /** As a process: what else it might print. */
  const run = async (task: string, ...args: string[]) => {
    const program = join(PROJECT_FOLDER, `tasks/${task}.ts`);
    const { code, all } = await runDeno(["run", "-A", "--no-check", program, ...args], { cwd: folder });
    return unseen({ code, out: all });
  };
  assert((await evaluate("--dry-run")).includes(`api_key: "${HIDDEN}"`));
  assert((await evaluate("--dry-run", "--json")).includes("benchmark rows"));
  assert(
    (await evaluate(`model.args.api_key=${SECRET}`, `out_dir=${folder}/x`)).includes("benchmark rows"),
  );
  const { trainer_options } = recordOf(resolveTrainConfig(readYaml(train)).config);
  assertEquals(trainer_options, { api_key: HIDDEN });
  assert((await run("train", train, "--dry-run")).includes("error: "));
  const shown = await taskHere(() => preview(train, [`hf_hub_token=[${SECRET}]`]));
  assert(unseen(shown).includes("hf_hub_token"));
});
