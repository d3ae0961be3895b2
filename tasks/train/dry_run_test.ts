import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { dryRun } from "./dry_run.ts";
import type { Estimate } from "./estimate/types.ts";
import { memoryWarning } from "./estimate/estimate_text.ts";

const example = new URL("../../examples/default_iopo.yaml", import.meta.url).pathname;

/** Of another model. */
const ADAPTER = new URL("../../fixtures/goldens/llamafactory/adapter", import.meta.url).pathname;

const MODEL = new URL("../../fixtures/constraints/model", import.meta.url).pathname;

/** Estimate of a run that trains. */
async function estimateOf(...run: Parameters<typeof dryRun>): Promise<Estimate> {
  const { estimate } = await dryRun(...run);
  assert(estimate !== null);
  return estimate;
}

Deno.test("dryRun() tells a misspelt name or option before it shows a configuration", async () => {
  const cases: [string[], string][] = [
    [
      ["loss=iopo", "loss_options.bta=1"],
      'the argument loss_options.bta=1: Cannot make loss/iopo as its options don\'t fit: unknown option bta - did you mean "beta"?',
    ],
    [
      ["template=smolm2"],
      'the argument template=smolm2: Cannot find the template plugin "smolm2" - did you mean "smollm2"?',
    ],
    [
      ["trainer=locl"],
      'the argument trainer=locl: Cannot find the trainer plugin "locl" - did you mean "local"?',
    ],
    [
      ["lora_target=q_proj,v_porj"],
      'the argument lora_target=q_proj,v_porj: Cannot adapt module "v_porj" - did you mean "v_proj"?: the model has q_proj, ',
    ],
    [
      ["lora_target=all,q_proj"],
      'Cannot adapt module "all": the model has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj (all stands alone)',
    ],
    [
      [`adapter_name_or_path=${ADAPTER}`],
      `the argument adapter_name_or_path=${ADAPTER}: Cannot use the adapter ${ADAPTER}/adapter_model.safetensors: tensor `,
    ],
    [
      ["eval_strategy=steps", "metric_for_best_model=accuracy"],
      "the argument metric_for_best_model=accuracy: Cannot tell the best checkpoint by metric_for_best_model: eval_accuracy",
    ],
    [["lora_rank=1000000000"], "the argument lora_rank=1000000000: Cannot adapt "],
    [
      ["dataset_dir=nowhere"],
      "the argument dataset_dir=nowhere: Cannot find data sets as dataset_dir needs a folder with dataset_info.json",
    ],
    [
      [`output_dir=${example}`],
      `the argument output_dir=${example}: Cannot write to ${example} as a folder is needed: ${example} is a file`,
    ],
    [
      [`output_dir=${example}/out`],
      `Cannot write to ${example}/out as a folder is needed: ${example} is a file`,
    ],
    [
      [`output_dir=${ADAPTER}`, "overwrite_output_dir=false"],
      `Cannot write to ${ADAPTER} as an empty directory is needed`,
    ],
    [
      [`output_dir=${MODEL}`],
      `Cannot write to ${MODEL} as the run reads it, and files of the same names would be written over`,
    ],
    [
      ["resume_from_checkpoint=nowhere/checkpoint-2"],
      "Cannot resume as resume_from_checkpoint needs a directory checkpoint-N or true: current value is nowhere/checkpoint-2",
    ],
  ];
  for (const [overrides, message] of cases) {
    const said: string[] = [];
    await assertRejects(() => dryRun(example, overrides, (line) => said.push(line)), Error, message);
    assertEquals(said, []);
  }
});

Deno.test("dryRun() shows what one of PyTorch's processes needs when the trainer is torch", async () => {
  const said: string[] = [];
  const options = "trainer_options={nproc_per_node: 8, sharding: fsdp, quantization: 4bit}";
  const estimate = await estimateOf(example, ["trainer=torch", options], (line) => said.push(line));
  assertEquals([estimate.processes, estimate.gflops], [8, null]);
  assertStringIncludes(said.at(-1)!, "of each of 8 processes");
  assertStringIncludes(said.at(-1)!, "weights      NF4, bfloat16 elsewhere");
});

Deno.test("dryRun() on PyTorch counts what each optimizer keeps, and no output head of a reward model", async () => {
  const FACTORY = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
  const of = (run: string, ...more: string[]) =>
    estimateOf(`${FACTORY}runs/${run}/config.yaml`, [
      ...[`model_name_or_path=${FACTORY}model`, "adapter_name_or_path=[]", `dataset_dir=${FACTORY}data`],
      ...["trainer=torch", "trainer_options={nproc_per_node: 1, device: cpu}", ...more],
    ], () => {});
  // q and o with k and v of half as many rows, gate, up and down of 64; biases of q, k and v, and two norms; 304 tokens, the last norm
  const matrices = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32, vectors = 32 + 2 * 16 + 2 * 32;
  const all = 2 * (matrices + vectors) + 304 * 32 + 32;
  const sides = 2 * (2 * 64 + 2 * 48 + 3 * 96 + vectors) + 304 + 32 + 32;
  const kept = { adamw_torch: 2 * all, adagrad: all, rmsprop: all, sgd: 0, adafactor: sides };
  for (const [optim, numbers] of Object.entries(kept)) {
    const { memory, trained } = await of("sft_full_adafactor", `optim=${optim}`);
    assertEquals([trained, memory.trained], [all, 4 * (all + numbers)], optim);
  }
  // both have the least rows of a pack
  const text = await of("sft_full_adafactor"), rewards = await of("rm_full", "save_safetensors=true");
  assertEquals(text.memory.activations - rewards.memory.activations, 10 * 2 ** 21 + 2 ** 28);
});

Deno.test("dryRun() counts the pass of a reference model, in its own form, and the larger of both against the machine", async () => {
  const factory = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname,
    said: string[] = [];
  const keys = [
    `model_name_or_path=${factory}model`,
    `dataset_dir=${factory}data`,
    "adapter_name_or_path=[]",
  ];
  const of = (...more: string[]) =>
    estimateOf(`${factory}runs/dpo_fixed/config.yaml`, [...keys, ...more], (line) => said.push(line));
  const alone = await of();
  assertEquals(alone.reference, undefined);
  const own = await of(`ref_model=${factory}model`);
  assertEquals(own.reference, undefined); // the adapter is switched off
  const plain = await of(`ref_model=${factory}model`, `ref_model_adapters=${factory}adapter`);
  // its weights in float32, and nothing that is trained
  assertEquals([plain.reference?.weights, plain.reference?.trained], [4 * plain.parameters, 0]);
  assertEquals(plain.memory, alone.memory);
  assert(plain.reference!.total < plain.memory.total);
  assertStringIncludes(
    said.join("\n"),
    "reference    a pass of ref_model before, which is over when training begins: about ",
  );
  const packed = await of(`ref_model=${factory}model`, "ref_model_quantization_bit=4");
  assert(packed.reference!.weights < plain.reference!.weights);
  const large = { ...plain, reference: { ...plain.reference!, total: 2 ** 50 } };
  assertStringIncludes(
    memoryWarning(large, 2 ** 40) ?? "",
    "take a smaller ref_model, or ref_model_quantization_bit: 4",
  );
});
