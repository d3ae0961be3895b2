/** An adapter named by its id on the hub does in every task what its folder does. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { createProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { type DenoEnd, PROJECT_FOLDER, runDeno, type TaskName, taskWords } from "./helpers/deno_process.ts";
import { COMMIT, FakeHub } from "./helpers/fake_hub.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const MODEL = join(PROJECT_FOLDER, "fixtures/constraints/model");
const EXAMPLE = join(PROJECT_FOLDER, "examples/default_iopo.yaml");
const ID = "tiny/lora", TOKEN = "hf_a1b2c3d4e5";
const folder = temporaryFolder();
const BRIEF = [
  ...["max_samples=16", "max_steps=3", "learning_rate=0.05", "eval_strategy=no", "val_size=0"],
  ...["plot_loss=false", "save_strategy=no", "warmup_ratio=0"],
];

/** An adapter that was trained for three steps, as a repository: one commit, on the branches main and v2. */
async function trained(): Promise<{ adapter: string; hub: FakeHub; revisions: string[] }> {
  const adapter = join(folder, "adapter"), revisions: string[] = [];
  await train(EXAMPLE, [`output_dir=${adapter}`, ...BRIEF], {
    say: () => {},
    progress: createProgress({ disabled: true }),
  });
  const names = [...Deno.readDirSync(adapter)].filter(({ isFile }) => isFile).map(({ name }) => name);
  const files = names.map((name) => [name, Deno.readFileSync(join(adapter, name))] as const);
  const hub = new FakeHub(new Map(files), {
    token: TOKEN,
    answer({ pathname }, { headers }) {
      const [, revision] = /\/revision\/(.+)$/.exec(pathname) ?? [];
      if (revision === undefined || headers.get("authorization") !== `Bearer ${TOKEN}`) return undefined;
      revisions.push(revision);
      return revision === "v2"
        ? Response.json({
          _id: "1",
          id: ID,
          author: "tiny",
          sha: COMMIT,
          lastModified: "2024-01-01T00:00:00.000Z",
        })
        : undefined;
    },
  }, { name: ID });
  return { adapter, hub, revisions };
}

function task(name: TaskName, args: string[], env: Record<string, string>, input = ""): Promise<DenoEnd> {
  return runDeno(taskWords(name, ...args), { env: { OMP_NUM_THREADS: "1", ...env }, input });
}

Deno.test({
  name:
    `train, eval, chat and export take an adapter from the hub, at its revision, with the environment's token${
      Deno.env.has("TEST_ALL") ? "" : " (ignored: TEST_ALL isn't set)"
    }`,
  // fourteen processes: half a minute of a core
  ignore: !Deno.env.has("TEST_ALL"),
  fn: hubAdapters,
});

async function hubAdapters(): Promise<void> {
  const { adapter, hub, revisions } = await trained();
  await using _ = hub;
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(folder, "hub"), HF_TOKEN: TOKEN };
  const ended = ({ code, all }: DenoEnd) => (assertEquals(code, 0, all), all);

  // without the token it is refused, with its place
  const file = join(folder, "train.yaml");
  Deno.writeTextFileSync(
    file,
    Deno.readTextFileSync(EXAMPLE).replaceAll("../fixtures", join(PROJECT_FOLDER, "fixtures")) +
      `\nadapter_name_or_path: ${ID}\n`,
  );
  const on = (name: string, more: string[]) => [file, `output_dir=${join(folder, name)}`, ...BRIEF, ...more];
  const refused = await task("train", on("none", []), { ...env, HF_TOKEN: "" });
  assertEquals(refused.code, 1);
  assertStringIncludes(
    refused.stderr,
    `${file}:${
      Deno.readTextFileSync(file).split("\n").length - 1
    }:1: Cannot download the adapter ${ID} from ${hub.endpoint}: ` +
      "it is private or gated, or doesn't exist (status 401)",
  );

  const said = ended(await task("train", on("from_hub", ["model_revision=v2"]), env));
  assertEquals(revisions, ["v2"]);
  assertStringIncludes(said, "Downloading adapter_model.safetensors (");
  ended(await task("train", on("from_folder", [`adapter_name_or_path=${adapter}`]), env));
  const weights = (name: string) =>
    Deno.readFileSync(join(folder, name, "adapter_model.safetensors")).toHex();
  assertEquals(weights("from_hub"), weights("from_folder"));
  assert(weights("from_hub") !== weights("adapter"));
  const record = Deno.readTextFileSync(join(folder, "from_hub/run.yaml"));
  assertStringIncludes(record, `adapter_name_or_path:\n  - ${ID}\n`);
  // what was continued is known, whichever name it had
  const [hash] = /^ {2}adapter: [0-9a-f]{64}$/m.exec(record) ?? [""];
  assertStringIncludes(Deno.readTextFileSync(join(folder, "from_folder/run.yaml")), hash || "a hash");
  ended(
    await task("train", on("again", ["--dry-run", "model_revision=v2"]), {
      ...env,
      HF_HUB_OFFLINE: "1",
      HF_ENDPOINT: "http://127.0.0.1:1",
    }),
  );

  // the cells of a sweep are quiet, but a wait of minutes has to be seen
  Deno.removeSync(env.HF_HUB_CACHE, { recursive: true });
  const cells = ["model_revision=v2", "weight_decay=0,0.1", "--out", join(folder, "sweep")];
  const swept = await task("sweep", [file, ...BRIEF, ...cells], env);
  ended(swept);
  assertStringIncludes(swept.stderr, "Downloading adapter_model.safetensors (");

  const lines = async (name: string, args: Record<string, unknown>) => {
    const model = { type: "local", args: { model: MODEL, backend: "onnx", ...args } };
    const out_dir = join(folder, name), config = join(folder, `${name}.json`);
    const evaluator = { type: "constraints", model, out_dir, max_samples: 2, cache: false, resamples: 100 };
    Deno.writeTextFileSync(config, JSON.stringify({ evaluator }));
    const text = ended(await task("eval", [config], env));
    const items = Deno.readTextFileSync(join(out_dir, "items.jsonl")).trim().split("\n").map((l) =>
      JSON.parse(l)
    );
    return {
      text,
      answers: items.filter(({ stage }) => stage === "generate").map(({ id, key, completion }) => ({
        id,
        key,
        text: completion.text,
      })),
    };
  };
  Deno.removeSync(env.HF_HUB_CACHE, { recursive: true });
  const fromHub = await lines("eval_hub", { adapter: `${ID}@v2`, name: "x" });
  assertStringIncludes(fromHub.text, "Downloading adapter_model.safetensors (");
  // the same key too: the files decide, not the name
  assertEquals(fromHub.answers, (await lines("eval_folder", { adapter, name: "x" })).answers);
  assert(fromHub.answers[0]?.text !== (await lines("eval_base", { name: "x" })).answers[0]?.text);

  const talk = ["--temperature", "0", "--max-tokens", "12", "--backend", "onnx"];
  Deno.removeSync(env.HF_HUB_CACHE, { recursive: true });
  const chat = async (name: string) =>
    await task("chat", [MODEL, "--adapter", name, ...talk], env, "List three fruits.\n");
  const answer = await chat(`tuned=${ID}@v2`);
  assertStringIncludes(ended(answer), "Downloading adapter_model.safetensors (");
  assertEquals(answer.stdout, (await chat(`tuned=${adapter}`)).stdout);

  const merged = async (name: string, from: string) => {
    ended(
      await task("export", [
        `model_name_or_path=${MODEL}`,
        `adapter_name_or_path=${from}`,
        `export_dir=${join(folder, name)}`,
        "export_check=false",
      ], env),
    );
    return Deno.readFileSync(join(folder, name, "model.safetensors")).toHex();
  };
  assertEquals(await merged("merged_hub", `${ID}@v2`), await merged("merged_folder", adapter));

  const gone = await task("eval", [
    join(folder, "eval_hub.json"),
    "model.args.adapter=tiny/gone",
    `out_dir=${folder}/g`,
  ], env);
  assertEquals(gone.code, 1);
  assertStringIncludes(
    gone.stderr,
    "there is no such adapter with the revision main, nor a directory tiny/gone here. Check the spelling",
  );
  const nowhere = await task("eval", [
    join(folder, "eval_hub.json"),
    "model.args.adapter=nowhere",
    `out_dir=${folder}/n`,
  ], env);
  assertStringIncludes(
    nowhere.stderr,
    `Cannot find the adapter nowhere: there is no file or directory ${PROJECT_FOLDER}nowhere, and it isn't an id on the hub`,
  );
}
