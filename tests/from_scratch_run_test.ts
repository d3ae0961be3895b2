/** Whole runs with train_from_scratch, of a folder that has no weights. */
import { assertAlmostEquals, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { readJsonFile } from "../formats/hf_model/json.ts";
import { openModel, saveModel } from "../formats/hf_model/mod.ts";
import { freshWeights } from "../kernels/engine/weights/fresh_weights.ts";
import { tensorShapes } from "../kernels/engine/decoder/decoder.ts";
import { FACTORY, repeatFactoryRun } from "./_llamafactory_run.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { decoderIn } from "./helpers/tiny_model.ts";
import { TORCH_PYTHON } from "./helpers/torch_python.ts";

/** config.json and tokenizer of the goldens' model. */
function bareModel(folder: string): string {
  const path = join(folder, "bare");
  Deno.mkdirSync(path);
  for (const { name } of Deno.readDirSync(join(FACTORY, "model"))) {
    if (!name.endsWith(".safetensors")) Deno.copyFileSync(join(FACTORY, "model", name), join(path, name));
  }
  return path;
}

/** The same with the weights that a run of seed 42 begins from; the model's initializer_range is 0.2 and its pad_token_id 303. */
async function writtenModel(bare: string, path: string): Promise<void> {
  const { config } = await openModel(bare, { weightless: true }), decoder = decoderIn(bare);
  const weights = freshWeights({ seed: 42, deviation: 0.2, paddingRow: 303 }, decoder);
  const tensors = [...tensorShapes(decoder)].map(([name, shape]) => ({
    name,
    shape,
    data: () => weights.read(name),
  }));
  saveModel(path, tensors, { config });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    Deno.copyFileSync(join(bare, name), join(path, name));
  }
}

const keysOf = (model: string) => [
  `model_name_or_path=${model}`,
  ...["adapter_name_or_path=[]", "finetuning_type=full", "max_steps=2", "save_steps=1", "eval_strategy=no"],
];
const weightsOf = (folder: string) => Deno.readFileSync(join(folder, "model.safetensors"));

Deno.test("a run from scratch is the run of a model with those weights, goes on to the same bytes, and says what it began from", async () => {
  const folder = temporaryFolder(), bare = bareModel(folder), of = (name: string) => join(folder, name);
  const scratch = [...keysOf(bare), "train_from_scratch=true"];
  await repeatFactoryRun("sft_fixed", of("straight"), scratch);
  await repeatFactoryRun("sft_fixed", of("stopped"), scratch, 1);
  await repeatFactoryRun("sft_fixed", of("stopped"), [...scratch, "resume_from_checkpoint=true"]);
  assertEquals(weightsOf(of("stopped")), weightsOf(of("straight")));

  await writtenModel(bare, of("written"));
  await repeatFactoryRun("sft_fixed", of("read"), keysOf(of("written")));
  assertEquals(weightsOf(of("read")), weightsOf(of("straight")));

  await repeatFactoryRun("sft_fixed", of("other"), [...scratch, "seed=1", "val_size=0", "max_steps=1"]);
  assertNotEquals(weightsOf(of("other")), weightsOf(of("straight")));
  const card = Deno.readTextFileSync(join(of("straight"), "README.md"));
  assertStringIncludes(card, "trained from random weights, with configuration and tokenizer of");
  assertEquals(/base_model/.test(card), false);
});

Deno.test({
  name: `PyTorch's processes begin from the same random weights${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const folder = temporaryFolder(), bare = bareModel(folder), of = (name: string) => join(folder, name);
    const scratch = [...keysOf(bare), "train_from_scratch=true", "max_steps=1"];
    await repeatFactoryRun("sft_fixed", of("local"), scratch);
    const torch = ["trainer=torch", "threads=1", "trainer_options={nproc_per_node: 1, dtype: float32}"];
    await repeatFactoryRun("sft_fixed", of("torch"), [...scratch, ...torch]);
    const first = (name: string) =>
      (readJsonFile(join(of(name), "trainer_state.json")) as { log_history: Record<string, number>[] })
        .log_history[0]!;
    const [ours, theirs] = [first("local"), first("torch")];
    assertAlmostEquals(theirs.loss!, ours.loss!, 1e-4);
    assertAlmostEquals(theirs.grad_norm!, ours.grad_norm!, 1e-3 * ours.grad_norm!);
  },
});
