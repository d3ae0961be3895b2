/** Rewards and losses of a finished reward model beside LLaMA-Factory's, from fixtures/goldens/llamafactory. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { parse } from "yaml";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { exportModel } from "../../export.ts";
import { train } from "../../train.ts";
import { dryRun } from "../dry_run.ts";
import { silentProgress } from "../outputs/mod.ts";

const goldens = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const jsonIn = (...path: string[]) =>
  JSON.parse(Deno.readTextFileSync(join(...path))) as Record<string, number>;
const rowsIn = (...path: string[]) =>
  Deno.readTextFileSync(join(...path)).trimEnd().split("\n").map((line) => JSON.parse(line));

/** Carries out a golden's configuration with the adapter that rm_fixed ended with. */
async function run(
  golden: string,
  folder: string,
  more: Record<string, unknown> = {},
  signal = new AbortController().signal,
) {
  const adapter = join(folder, "adapter"), file = join(folder, "config.json"), said: string[] = [];
  Deno.mkdirSync(adapter, { recursive: true });
  Deno.copyFileSync(join(goldens, "adapter/adapter_config.json"), join(adapter, "adapter_config.json"));
  for (const name of ["adapter_model.safetensors", "value_head.safetensors"]) {
    Deno.copyFileSync(join(goldens, "runs/rm_fixed", name), join(adapter, name));
  }
  const config = parse(Deno.readTextFileSync(join(goldens, golden, "config.yaml")));
  const places = {
    model_name_or_path: join(goldens, "model"),
    adapter_name_or_path: adapter,
    dataset_dir: join(goldens, "data"),
    output_dir: join(folder, "out"),
    data_cache_dir: join(folder, "cache"),
  };
  Deno.writeTextFileSync(file, JSON.stringify({ ...config, ...places, ...more }));
  const say = (line: string) => said.push(line);
  const result = await train(file, [], { say, progress: silentProgress(), signal });
  return { result, said: said.join("\n"), output: join(folder, "out") };
}

Deno.test("rewards of every row, loss and accuracy are LLaMA-Factory's predictions", async () => {
  const golden = "predictions/predict_rm";
  const { result, output, said } = await run(golden, temporaryFolder());
  assert(result.finished);
  assertStringIncludes(said, "data         30 rows: 30 to reward\n");
  const name = "generated_predictions.jsonl";
  const [ours, theirs] = [rowsIn(output, name), rowsIn(goldens, golden, name)];
  assertEquals(ours.length, 30);
  assertEquals(ours.map((row) => Object.keys(row)), theirs.map((row) => Object.keys(row)));
  theirs.forEach((row, i) => {
    // rounded to two digits there
    for (const side of ["chosen", "rejected"]) {
      assertAlmostEquals(ours[i][side], row[side], 0.0051, `row ${i}`);
    }
  });
  const [found, expected] = [
    jsonIn(output, "predict_results.json"),
    jsonIn(goldens, golden, "predict_results.json"),
  ];
  assertAlmostEquals(found.predict_loss!, expected.predict_loss!, 1e-4);
  assertEquals(found.predict_accuracy, expected.predict_accuracy);
  const right = ours.filter(({ chosen, rejected }) => chosen > rejected).length;
  assertEquals(right / 30, expected.predict_accuracy);
  assertEquals(jsonIn(output, "all_results.json"), found);
});

Deno.test("rewards that are stopped aren't called answers", async () => {
  const { result, said } = await run("predictions/predict_rm", temporaryFolder(), {}, AbortSignal.abort());
  assert(!result.finished && said.endsWith("Stopped: no rewards were written"), said);
});

Deno.test("a finished reward model is evaluated as by LLaMA-Factory", async () => {
  const golden = "evaluations/rm";
  const { output } = await run(golden, temporaryFolder());
  const [found, expected] = [
    jsonIn(output, "eval_results.json"),
    jsonIn(goldens, golden, "eval_results.json"),
  ];
  assertAlmostEquals(found.eval_loss!, expected.eval_loss!, 1e-4);
  assertEquals(found.eval_accuracy, expected.eval_accuracy);
});

Deno.test("rewards behind training are those of what was trained", async () => {
  const folder = temporaryFolder();
  const training = {
    do_train: true,
    dataset: "toy_dpo",
    max_steps: 1,
    learning_rate: 0.01,
    save_strategy: "no",
  };
  const { output, said } = await run("predictions/predict_rm", folder, training);
  const trained = Deno.readTextFileSync(join(output, "generated_predictions.jsonl"));
  assertStringIncludes(said, "predict_accuracy");
  const adapter = join(folder, "trained");
  Deno.renameSync(output, adapter);
  const { output: again } = await run("predictions/predict_rm", folder, { adapter_name_or_path: adapter });
  assertEquals(Deno.readTextFileSync(join(again, "generated_predictions.jsonl")), trained);
  assert(
    trained !== Deno.readTextFileSync(join(goldens, "predictions/predict_rm/generated_predictions.jsonl")),
  );
});

Deno.test("rewards need a value head, and no generating", async () => {
  const folder = temporaryFolder(), golden = "predictions/predict_rm";
  await assertRejects(
    () => run(golden, folder, { adapter_name_or_path: join(goldens, "adapter") }),
    RangeError,
    "as a reward model as it needs a value head: it has no value_head.safetensors",
  );
  await assertRejects(
    () => run(golden, folder, { predict_with_generate: true }),
    RangeError,
    "Cannot generate with stage: rm",
  );
});

Deno.test("a dry run of rewards refuses a model without a value head too, where it is named", async () => {
  const folder = temporaryFolder(), golden = "predictions/predict_rm";
  await run(golden, folder);
  const keys = (adapter: string) => [`adapter_name_or_path=${adapter}`, `output_dir=${join(folder, "dry")}`];
  const file = join(folder, "config.json");
  await dryRun(file, keys(join(folder, "adapter")), () => {});
  await assertRejects(
    () => dryRun(file, keys(join(goldens, "adapter")), () => {}),
    RangeError,
    `Cannot use ${join(goldens, "adapter")} as a reward model as it needs a value head`,
  );
});

Deno.test("a reward model that is exported gives its rewards without its adapter, and its value head isn't left behind unsaid", async () => {
  const folder = temporaryFolder(), golden = "predictions/predict_rm", exported = join(folder, "exported");
  await run(golden, folder);
  const keys = [
    `model_name_or_path=${join(goldens, "model")}`,
    `adapter_name_or_path=${join(folder, "adapter")}`,
  ];
  const exporting = async (...more: string[]) => {
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    await exportModel(undefined, [...keys, `export_dir=${exported}`, ...more], {
      say,
      progress: silentProgress(),
    });
    return said.join("\n");
  };
  await exporting("stage=rm");
  const name = "value_head.safetensors";
  assertEquals(
    Deno.readFileSync(join(exported, name)),
    Deno.readFileSync(join(goldens, "runs/rm_fixed", name)),
  );
  const { output } = await run(golden, join(folder, "again"), {
    model_name_or_path: exported,
    adapter_name_or_path: null,
  });
  const [ours, before] = [output, join(folder, "out")].map((of) => rowsIn(of, "generated_predictions.jsonl"));
  before!.forEach((row, i) => {
    for (const side of ["chosen", "rejected"]) assertAlmostEquals(ours![i][side], row[side], 1e-4);
  });
  const own = `${name} of ${join(folder, "adapter")} isn't written: stage: rm writes it`;
  assertStringIncludes(await exporting(), own);
  // the head of the model below the adapter stays behind, too
  const reward = `model_name_or_path=${exported}`, beside = `export_dir=${join(folder, "beside")}`;
  const below = `${name} of ${exported} isn't written: it was trained on the model without ${
    join(folder, "adapter")
  }`;
  await exporting("stage=rm");
  const [plain, headed] = [await exporting(reward, beside), await exporting(reward, beside, "stage=rm")];
  assert(plain.includes(own) && plain.includes(below), plain);
  assert(!headed.includes(own) && headed.includes(below), headed);
  await assertRejects(
    () => exporting("stage=rm", "export_format=gguf"),
    RangeError,
    "Cannot write a reward model as export_format: gguf",
  );
  await assertRejects(
    () => exporting("stage=rm", "adapter_name_or_path=[]"),
    RangeError,
    "Cannot write a reward model as",
  );
});
