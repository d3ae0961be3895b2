/** Keys for several processes, resolved; equivalents by FSDP2's documentation and `accelerate to-fsdp2` (docs/scale.md). */
import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { readDistributed } from "./distributed.ts";
import { resolveTrainConfig } from "./resolve.ts";

const folder = temporaryFolder();

function resolve(...lines: string[]) {
  const usual = ["model_name_or_path: m", "output_dir: o", "do_train: true", "dataset: d", "template: qwen"];
  return resolveTrainConfig(parseYaml([...usual, ...lines, ""].join("\n"), "t.yaml"));
}

/** Trainer and its options for a DeepSpeed file. */
function ofDeepspeed(content: unknown, ...lines: string[]) {
  const path = join(folder, "ds.json");
  Deno.writeTextFileSync(path, JSON.stringify(content));
  const { config, notes } = resolve(`deepspeed: ${path}`, ...lines);
  return { trainer: config.trainer, options: config.trainer_options, notes };
}

Deno.test("deepspeed chooses the torch trainer with its stage's equivalent, and says what has none", () => {
  const zero = (stage: number, more = {}) => ({
    zero_optimization: { stage, ...more },
    bf16: { enabled: "auto" },
  });
  assertEquals(ofDeepspeed(zero(0)).options, {});
  assertEquals(ofDeepspeed(zero(2)).options, { sharding: "fsdp", reshard_after_forward: false });
  const { trainer, options, notes } = ofDeepspeed(
    zero(3, { offload_optimizer: { device: "cpu" }, offload_param: { device: "cpu" }, overlap_comm: true }),
  );
  assertEquals(trainer, "torch");
  assertEquals(options, { sharding: "fsdp", reshard_after_forward: true, cpu_offload: true });
  assert(notes.some((note) => note.includes("overlap_comm: not used")), notes.join("\n"));
  const half = { ...zero(3), bf16: { enabled: false }, fp16: { enabled: false } };
  assertEquals(ofDeepspeed(half).options.dtype, "float32");
  assertEquals(ofDeepspeed(half, "trainer_options: {dtype: bfloat16}").options.dtype, "bfloat16");
  assertThrows(() => ofDeepspeed(zero(4)), RangeError, "current value is 4");
  assertThrows(() => ofDeepspeed(zero(3, { offload_param: { device: "nvme" } })), RangeError, "nvme");
  assertThrows(() => resolve("deepspeed: no/such.json"), RangeError, "Cannot read deepspeed");
});

Deno.test("LLaMA-Factory's own DeepSpeed files are known by name; a written trainer stays, and bf16 is the dtype", () => {
  const { config, notes } = resolve("deepspeed: examples/deepspeed/ds_z2_offload_config.json", "bf16: true");
  assertEquals([config.trainer, config.trainer_options], ["torch", {
    sharding: "fsdp",
    reshard_after_forward: false,
    cpu_offload: true,
    dtype: "bfloat16",
  }]);
  assertStringIncludes(notes.join("\n"), "LLaMA-Factory's file of that name is meant");
  assert(!notes.some((note) => note.startsWith("bf16")), notes.join("\n"));

  const local = resolve("deepspeed: ds_z3_config.json", "trainer: local", "bf16: true");
  assertEquals([local.config.trainer, local.config.trainer_options], ["local", {}]);
  assertStringIncludes(local.notes.join("\n"), "deepspeed: not used, as trainer: local");
  assertStringIncludes(local.notes.join("\n"), "bf16: not used");
  assertStringIncludes(resolve("ddp_timeout: 9").notes.join("\n"), "ddp_timeout: not used");
});

Deno.test("fsdp's words and settings, as text, list or map", () => {
  const options = (...lines: string[]) => resolve(...lines).config.trainer_options;
  assertEquals(options("fsdp: full_shard auto_wrap"), { sharding: "fsdp", reshard_after_forward: true });
  assertEquals(options("fsdp: [shard_grad_op, offload]"), {
    sharding: "fsdp",
    reshard_after_forward: false,
    cpu_offload: true,
  });
  assertEquals(
    options("fsdp: true", "fsdp_config: {fsdp_reshard_after_forward: false, fsdp_offload_params: true}"),
    {
      sharding: "fsdp",
      reshard_after_forward: false,
      cpu_offload: true,
    },
  );
  assertEquals(resolve('fsdp: ""').config.trainer, "local");
  assertThrows(() => resolve("fsdp: full_shart"), RangeError, "full_shart");
});

Deno.test("FORCE_TORCHRUN=1 takes torchrun with the launcher's variables", () => {
  const none = { deepspeed: null, fsdp: null, fsdp_config: null, ddp_timeout: 1800 };
  const read = (variables: Record<string, string>) =>
    readDistributed(none, new Map(), (name) => variables[name]);
  assertEquals(read({}).asks, null);
  assertEquals(read({ FORCE_TORCHRUN: "0", NNODES: "2" }).options, {});
  assertEquals(read({ FORCE_TORCHRUN: "1", NPROC_PER_NODE: "8" }).options, {
    launcher: "torchrun",
    nproc_per_node: 8,
  });
  assertEquals(
    read({ FORCE_TORCHRUN: "1", NNODES: "2", MASTER_ADDR: "host0", MASTER_PORT: "29501" }).options,
    { launcher: "torchrun", nnodes: 2, rdzv_endpoint: "host0:29501" },
  );
  assertStringIncludes(
    read({ FORCE_TORCHRUN: "1", NNODES: "two" }).faults[0]!.message,
    "current value is two",
  );
});
