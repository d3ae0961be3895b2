/**
 * Predictions beside LLaMA-Factory's own runs, from fixtures/goldens/llamafactory/predictions.
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";

import { parse } from "yaml";

import { exists } from "../../../formats/exists.ts";
import { testWebGpu } from "../../../kernels/testing/backends.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { train } from "../../train.ts";
import { dryRun } from "../dry_run.ts";
import { silentProgress } from "../outputs/mod.ts";
import { lacksAnswers, type Prediction, writePredictions } from "./files.ts";

const webgpu = await testWebGpu();
const goldens = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

/** A run's configuration, its paths those of a folder with model, data and `adapter2`. */
function arranged(name: string, folder: string): { file: string; golden: Prediction[]; results: Results } {
  const run = join(goldens, "predictions", name);
  const adapter = join(folder, "adapter2");
  Deno.mkdirSync(adapter);
  Deno.copyFileSync(join(goldens, "adapter/adapter_config.json"), join(adapter, "adapter_config.json"));
  Deno.copyFileSync(
    join(goldens, "runs/sft_fixed_epochs/adapter_model.safetensors"),
    join(adapter, "adapter_model.safetensors"),
  );
  const file = join(folder, "predict.json");
  const config = parse(Deno.readTextFileSync(join(run, "config.yaml")));
  Deno.writeTextFileSync(
    file,
    JSON.stringify({
      ...config,
      model_name_or_path: join(goldens, "model"),
      dataset_dir: join(goldens, "data"),
      output_dir: join(folder, "out"),
      data_cache_dir: join(folder, "cache"),
      // as LLaMA-Factory's default reads special tokens that stand in a text
      split_special_tokens: false,
    }),
  );
  return {
    file,
    golden: rowsOf(join(run, "generated_predictions.jsonl")),
    results: JSON.parse(Deno.readTextFileSync(join(run, "predict_results.json"))),
  };
}

type Results = Record<string, number>;

function rowsOf(path: string): Prediction[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
}

const SCORES = ["predict_bleu-4", "predict_rouge-1", "predict_rouge-2", "predict_rouge-l"];

/** Without the padding of a batch, which LLaMA-Factory writes where special tokens are shown: behind answers, on both sides of labels. */
const withoutPadding = ({ prompt, predict, label }: Prediction) => ({
  prompt,
  predict: predict.replace(/(<\|pad\|>)+$/, ""),
  label: label.replace(/^(<\|pad\|>)+|(<\|pad\|>)+$/g, ""),
});

for (const name of ["predict", "predict_split"]) {
  Deno.test(`train() with do_predict writes LLaMA-Factory's answers and scores: ${name}`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const { file, golden, results } = arranged(name, folder), out = join(folder, "out");
      Deno.mkdirSync(out);
      Deno.writeTextFileSync(join(out, "all_results.json"), '{"train_loss": 1.5}');
      const said: string[] = [];
      const phases: [name: string, done: number, total: number][] = [];
      const { finished } = await train(file, [], {
        say: (line) => said.push(line),
        progress: {
          ...silentProgress(),
          phase: (phase, done, total) => phases.push([phase, done, total]),
        },
      });
      assertEquals(finished, true);
      assertEquals(
        phases.filter(([phase]) => phase === "answers"),
        golden.map((_, i) => ["answers", i + 1, golden.length]),
      );
      assertEquals(
        rowsOf(join(out, "generated_predictions.jsonl")),
        golden.map(withoutPadding),
        said.join("\n"),
      );
      const read = (file: string): Results => JSON.parse(Deno.readTextFileSync(join(out, file)));
      const ours = read("predict_results.json");
      for (const score of SCORES) assertAlmostEquals(ours[score]!, results[score]!, 1e-10, score);
      assertEquals(read("all_results.json"), { ...ours, train_loss: 1.5 });
      // batches of 3 rows, the last with fewer, in theirs as well
      for (
        const { predict_samples_per_second: rows = NaN, predict_steps_per_second: steps } of [ours, results]
      ) {
        assertAlmostEquals(steps ?? NaN, rows * Math.ceil(golden.length / 3) / golden.length, 1e-3);
      }
      assertEquals(
        Object.keys(ours).sort(),
        Object.keys(results).filter((key) => key !== "predict_model_preparation_time").sort(),
      );
      await assertRejects(
        () => train(file, ["overwrite_output_dir=false"], { say: () => {}, progress: silentProgress() }),
        RangeError,
        "generated_predictions.jsonl as it is there already: set overwrite_output_dir: true",
      );
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test({
  name: `train() with do_predict gives LLaMA-Factory's answers on WebGPU, and draws by seed (${webgpu.name})`,
  ignore: webgpu.ignore,
  fn: async () => {
    const folder = temporaryFolder(), { file, golden } = arranged("predict", folder);
    const answers = async (output: string, ...keys: string[]) => {
      const overrides = ["use_cpu=false", "backend=webgpu", `output_dir=${join(folder, output)}`, ...keys];
      await train(file, overrides, { say: () => {}, progress: silentProgress() });
      return rowsOf(join(folder, output, "generated_predictions.jsonl"));
    };
    assertEquals(await answers("likeliest"), golden.map(withoutPadding));
    const drawing = ["do_sample=true", "temperature=1.5", "top_p=1"];
    const drawn = await answers("drawn", ...drawing);
    assertEquals(await answers("again", ...drawing, "per_device_eval_batch_size=1"), drawn);
    assertNotEquals(drawn, golden.map(withoutPadding));
  },
});

Deno.test("train() with do_predict draws by seed, and writes nothing when it is stopped", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const { file, golden } = arranged("predict_split", folder);
    const drawn = async (output: string, ...keys: string[]) => {
      const overrides = [
        "do_sample=true",
        "temperature=1.5",
        "top_p=1",
        `output_dir=${join(folder, output)}`,
        ...keys,
      ];
      await train(file, overrides, { say: () => {}, progress: silentProgress() });
      return rowsOf(join(folder, output, "generated_predictions.jsonl")).map(({ predict }) => predict);
    };
    const first = await drawn("a");
    // batches of another size are the same draws
    assertEquals(await drawn("b", "per_device_eval_batch_size=1"), first);
    const other = await drawn("c", "seed=43");
    // another seed holds out other rows as well
    assert(other.every((text) => !first.includes(text)), "seed 43 draws what seed 42 does");
    assertEquals(
      await drawn("d", "top_k=1", "repetition_penalty=1.3"),
      golden.map((row) => withoutPadding(row).predict),
    );

    const said: string[] = [];
    const stopped = await train(file, [`output_dir=${join(folder, "e")}`], {
      say: (line) => said.push(line),
      progress: silentProgress(),
      signal: AbortSignal.abort(),
    });
    assertEquals([stopped.finished, said.at(-1)], [false, "Stopped: no answers were written"]);
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "e"), false);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("dryRun() of predictions counts rows and writes nothing", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const { file } = arranged("predict", folder);
    const { data, estimate } = await dryRun(file, [], () => {});
    assertStringIncludes(data, "data         8 rows: 8 to answer\n");
    assertEquals(estimate, null);
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "out"), false);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

for (const tuning of ["lora", "freeze"] as const) {
  Deno.test(`train() with do_train and do_predict trains the same, and answers by what it has trained: ${tuning}`, async () => {
    const folder = Deno.makeTempDirSync(), quiet = { say: () => {}, progress: silentProgress() };
    try {
      const { file } = arranged("predict_split", folder),
        [both, alone] = [join(folder, "both"), join(folder, "alone")];
      const training = [
        ...[
          "do_train=true",
          "learning_rate=0.01",
          "max_steps=4",
          "plot_loss=false",
          `finetuning_type=${tuning}`,
        ],
        ...[
          "adapter_name_or_path=[]",
          "freeze_trainable_layers=1",
          "dataset=toy_sft,toy_talks",
          `output_dir=${both}`,
        ],
      ];
      const { finished, metrics } = await train(file, training, quiet);
      assertEquals(finished, true);
      const rows = rowsOf(join(both, "generated_predictions.jsonl"));
      const results = JSON.parse(Deno.readTextFileSync(join(both, "all_results.json")));
      assert(results.train_loss > 0 && metrics["predict_rouge-l"] === results["predict_rouge-l"]);
      // the same by two runs, of which the first knows of no predictions
      const plain = join(folder, "plain"),
        name = tuning === "lora" ? "adapter_model.safetensors" : "model.safetensors";
      const without = ["do_predict=false", "predict_with_generate=false", `output_dir=${plain}`];
      await train(file, [...training, ...without], quiet);
      // by their hash: two files of a few bytes' difference take minutes to be told apart
      const hash = (of: string) =>
        createHash("sha256").update(Deno.readFileSync(join(of, name))).digest("hex");
      assertEquals(hash(plain), hash(both));
      const trained = tuning === "lora" ? `adapter_name_or_path=${both}` : `model_name_or_path=${both}`;
      const rest = ["dataset=toy_sft,toy_talks"],
        model = tuning === "lora" ? [] : ["adapter_name_or_path=[]", "finetuning_type=lora"];
      await train(file, [trained, ...model, ...rest, `output_dir=${alone}`], quiet);
      assertEquals(rowsOf(join(alone, "generated_predictions.jsonl")), rows);
      // not those of the model that it began from
      await train(file, ["adapter_name_or_path=[]", ...rest, `output_dir=${join(folder, "base")}`], quiet);
      assert(
        rowsOf(join(folder, "base", "generated_predictions.jsonl")).some(({ predict }, i) =>
          predict !== rows[i]?.predict
        ),
      );

      // a finished run whose answers are missing makes them, and trains nothing

      const before = hash(both),
        going = [...training, "overwrite_output_dir=false", "resume_from_checkpoint=auto"];
      Deno.removeSync(join(both, "generated_predictions.jsonl"));
      await train(file, going, quiet);
      assertEquals([rowsOf(join(both, "generated_predictions.jsonl")), hash(both)], [rows, before]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test("train() that is stopped, or fails, while it answers keeps what it trained, and its run.yaml makes the answers alone", async () => {
  const folder = temporaryFolder(), { file } = arranged("predict", folder), out = join(folder, "out");
  const progress = silentProgress(), stop = new AbortController(), said: string[] = [];
  // nothing but the folder's files says that it is trained, and the file says that they may be taken away
  const training = [
    "do_train=true",
    "dataset=toy_sft",
    "adapter_name_or_path=[]",
    "max_steps=1",
    "plot_loss=false",
  ];
  const keys = [...training, "save_strategy=no", "overwrite_output_dir=true"];
  const isAnswering = (line: string) => line.startsWith("answers ");
  const say = (line: string) => {
    said.push(line);
    if (isAnswering(line)) stop.abort();
  };
  const { finished } = await train(file, keys, { say, progress, signal: stop.signal });
  const weights = () => Deno.readFileSync(join(out, "adapter_model.safetensors"));
  const before = weights();
  assertEquals([finished, said.some((line) => line.includes("nothing is trained"))], [false, false]);
  assertEquals(said.at(-2), "Stopped: no answers were written");
  const kept = "What was trained is kept. To answer by it:\n  ", command = said.at(-1)!;
  assert(command.startsWith(kept) && command.endsWith(join(out, "run.yaml")), command);

  const failing = (line: string) => {
    if (isAnswering(line)) throw new RangeError("no room");
  };
  const again = () => train(join(out, "run.yaml"), [], { say: failing, progress });
  const { message } = await assertRejects(again, RangeError);
  assertEquals(message, `no room\n${command}`);

  await train(join(out, "run.yaml"), [], { say: () => {}, progress });
  assertEquals([rowsOf(join(out, "generated_predictions.jsonl")).length, weights()], [8, before]);
  assertEquals(exists(`${out}-again`), false);
});

Deno.test("writePredictions() writes the answers last, so that they are there when all is", async () => {
  const folder = temporaryFolder();
  Deno.mkdirSync(join(folder, "predict_results.json", "in_the_way"), { recursive: true });
  const rows = [{ prompt: "p", predict: "a", label: "b" }];
  await assertRejects(() => writePredictions(folder, rows, { predict_runtime: 1 }));
  assertEquals(lacksAnswers({ do_predict: true, output_dir: folder }), true);
});

Deno.test("rows that num_samples draws are answered as they are evaluated: those behind the training sets' draws", async () => {
  const folder = temporaryFolder(), { file } = arranged("predict", folder), data = join(folder, "data");
  Deno.mkdirSync(data);
  const drawn = { file_name: "eight.json", num_samples: 2 };
  const rows = Array.from({ length: 8 }, (_, i) => ({ instruction: `question ${i}`, output: `answer ${i}` }));
  Deno.writeTextFileSync(join(data, "dataset_info.json"), JSON.stringify({ learnt: drawn, asked: drawn }));
  Deno.writeTextFileSync(join(data, "eight.json"), JSON.stringify(rows));
  const answered = async (output: string, ...keys: string[]) => {
    const sets = ["dataset=learnt", "eval_dataset=asked", `dataset_dir=${data}`, "adapter_name_or_path=[]"];
    const overrides = [...sets, `output_dir=${join(folder, output)}`, "max_new_tokens=1", ...keys];
    await train(file, overrides, { say: () => {}, progress: silentProgress() });
    return rowsOf(join(folder, output, "generated_predictions.jsonl")).map(({ label }) =>
      Number(/\d/.exec(label)?.[0])
    );
  };
  // numpy 2.4.6: seed(42), permutation(8)[:2] is 1 and 5, and once more 3 and 7; LLaMA-Factory loads training sets first
  assertEquals(await answered("alone"), [3, 7]);
  assertEquals(await answered("behind", "do_train=true", "max_steps=1", "plot_loss=false"), [3, 7]);
  assertEquals(await answered("only", "dataset=[]"), [1, 5]);
});
