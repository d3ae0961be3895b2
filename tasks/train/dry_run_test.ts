import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { dryRun } from "./dry_run.ts";

const example = new URL("../../examples/default_iopo.yaml", import.meta.url).pathname;

/** Of another model. */
const ADAPTER = new URL("../../fixtures/goldens/llamafactory/adapter", import.meta.url).pathname;

Deno.test("dryRun() tells a misspelt name or option before it shows a configuration", async () => {
  const cases: [string[], string][] = [
    [
      ["loss=iopo", "loss_options.bta=1"],
      'the argument loss_options.bta=1: Cannot make loss/iopo as its options don\'t fit: unknown option bta - did you mean "beta"?',
    ],
    [
      ["template=smollm3"],
      'the argument template=smollm3: Cannot find the template plugin "smollm3" - did you mean "smollm2"?',
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
  const { estimate } = await dryRun(example, ["trainer=torch", options], (line) => said.push(line));
  assertEquals([estimate.processes, estimate.gflops], [8, null]);
  assertStringIncludes(said.at(-1)!, "of each of 8 processes");
  assertStringIncludes(said.at(-1)!, "weights      NF4, bfloat16 elsewhere");
});
