/** Runs with rope_scaling beside LLaMA-Factory's own (fixtures/goldens/llamafactory/rope.json), and what they leave. */
import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";

import { readJsonFile } from "../formats/hf_model/json.ts";
import { decoderIn, readJson } from "./helpers/tiny_model.ts";
import { FACTORY, repeatFactoryRun } from "./_llamafactory_run.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { TORCH_PYTHON } from "./helpers/torch_python.ts";

const golden: Record<string, { steps: [number, number][]; rope_scaling: object | null }> = readJson(
  join(FACTORY, "rope.json"),
);

/** The model of the goldens, made for 64 tokens. */
function shortModel(folder: string): string {
  const path = join(folder, "model");
  Deno.mkdirSync(path);
  for (const { name } of Deno.readDirSync(join(FACTORY, "model"))) {
    Deno.copyFileSync(join(FACTORY, "model", name), join(path, name));
  }
  const file = join(path, "config.json");
  Deno.writeTextFileSync(file, JSON.stringify({ ...readJsonFile(file), max_position_embeddings: 64 }));
  return path;
}

const logOf = (output: string) =>
  (readJsonFile(join(output, "trainer_state.json")) as { log_history: Record<string, number>[] })
    .log_history.filter(({ loss }) => loss !== undefined);

const keysOf = (model: string) => [
  `model_name_or_path=${model}`,
  ...[
    "adapter_name_or_path=[]",
    "finetuning_type=full",
    "max_steps=3",
    "cutoff_len=200",
    "eval_strategy=no",
  ],
  "save_steps=2",
];

function assertSteps(output: string, kind: string): void {
  const { steps, rope_scaling } = golden[kind]!, log = logOf(output);
  assertEquals(log.length, steps.length);
  steps.forEach(([loss, norm], i) => {
    assertAlmostEquals(log[i]!.loss!, loss, 1e-4, `${kind}, loss ${i + 1}`);
    assertAlmostEquals(log[i]!.grad_norm!, norm, 1e-3 * norm, `${kind}, norm ${i + 1}`);
  });
  const written = readJsonFile(join(output, "config.json"));
  assertEquals([written.rope_scaling, written.rope_theta], [rope_scaling, 10000]);
  assertEquals(written.max_position_embeddings, kind === "none" ? 64 : 256);
}

Deno.test("runs with rope_scaling have LLaMA-Factory's losses and gradient norms, and save the model that they trained", async () => {
  const folder = temporaryFolder(), model = shortModel(folder);
  const keys = keysOf(model);
  for (const kind of ["yarn", "linear", "llama3", "none"]) {
    const output = join(folder, kind), more = kind === "none" ? [] : [`rope_scaling=${kind}`];
    await repeatFactoryRun("sft_fixed", output, [...keys, ...more]);
    assertSteps(output, kind);
  }
  assertNotEquals(decoderIn(join(folder, "yarn")), decoderIn(model));

  // a run that was stopped goes on to the same bytes, in the same positions
  const stopped = join(folder, "stopped"), yarn = [...keys, "rope_scaling=yarn"];
  await repeatFactoryRun("sft_fixed", stopped, yarn, 2);
  await repeatFactoryRun("sft_fixed", stopped, [...yarn, "resume_from_checkpoint=true"]);
  for (const name of ["model.safetensors", "config.json"]) {
    assertEquals(Deno.readFileSync(join(stopped, name)), Deno.readFileSync(join(folder, "yarn", name)), name);
  }
});

Deno.test({
  name: `PyTorch's processes train the model that rope_scaling makes${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const folder = temporaryFolder(), output = join(folder, "out");
    const more = ["rope_scaling=yarn", "trainer=torch", "threads=1"];
    more.push("trainer_options={nproc_per_node: 1, dtype: float32}");
    await repeatFactoryRun("sft_fixed", output, [...keysOf(shortModel(folder)), ...more]);
    assertSteps(output, "yarn");
  },
});
