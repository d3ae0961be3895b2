/** Keys for several processes, resolved; equivalents by FSDP2's documentation and `accelerate to-fsdp2` (docs/scale.md). */
import { join, relative } from "@std/path";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { parseYaml } from "../../../../formats/yaml/yaml.ts";
import { absolutePaths } from "../paths.ts";
import { resolveTrainConfig } from "../resolve.ts";
import type { Distributed } from "./found.ts";
import { readLauncher } from "./launcher.ts";

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
  // as run.yaml writes every key
  const untouched = resolve(
    "trainer: local",
    "deepspeed: null",
    "fsdp: null",
    "fsdp_config: null",
    "ddp_timeout: 1800",
  );
  assertEquals(untouched.notes.filter((note) => note.includes("not used, as trainer")), []);
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

Deno.test("FORCE_TORCHRUN=1 takes torchrun with the launcher's variables; without it they count for a run that wants processes", () => {
  const read = (variables: Record<string, string>, wanted = false) => {
    const found: Distributed = { asks: null, options: {}, notes: [], faults: [] };
    readLauncher((name) => variables[name], wanted, found);
    return found;
  };
  assertEquals(read({}).asks, null);
  assertEquals(read({ FORCE_TORCHRUN: "0", NNODES: "2", NPROC_PER_NODE: "x" }), read({}));
  assertEquals(read({ FORCE_TORCHRUN: "1", NPROC_PER_NODE: "8", MASTER_ADDR: "host0" }).options, {
    launcher: "torchrun",
    nproc_per_node: 8,
  });
  assertEquals(
    read({ FORCE_TORCHRUN: "true", NNODES: "2", NODE_RANK: "0", MASTER_ADDR: "host0", MASTER_PORT: "29501" })
      .options,
    { launcher: "torchrun", nnodes: 2, rdzv_endpoint: "host0:29501" },
  );
  // LLaMA-Factory takes torchrun by itself where there are several GPUs.
  assertEquals(
    read({
      NPROC_PER_NODE: "gpu",
      NNODES: "2",
      NODE_RANK: "1",
      MASTER_ADDR: "host0",
      MASTER_PORT: "",
      RDZV_ID: "r",
    }, true)
      .options,
    { launcher: "torchrun", nnodes: 2, node_rank: 1, rdzv_endpoint: "host0:29500", rdzv_id: "r" },
  );
  assertEquals(read({ NPROC_PER_NODE: "4" }, true).options, { nproc_per_node: 4 });
  for (
    const [name, value] of [["NNODES", "two"], ["NNODES", "1:4"], ["NODE_RANK", "-1"], [
      "NPROC_PER_NODE",
      "0",
    ]]
  ) {
    assertStringIncludes(
      read({ FORCE_TORCHRUN: "1", [name!]: value! }).faults[0]!.message,
      `Cannot read ${name} as a whole number >= ${name === "NODE_RANK" ? 0 : 1}: current value is ${value}`,
    );
  }
});

Deno.test("numbers that DeepSpeed's file repeats have to be the training file's, as transformers wants it", () => {
  const auto = {
    train_batch_size: "auto",
    gradient_accumulation_steps: "auto",
    gradient_clipping: "auto",
    optimizer: { type: "AdamW", params: { lr: "auto", betas: "auto", eps: "auto", weight_decay: "auto" } },
    zero_optimization: { stage: 2, reduce_bucket_size: "auto" },
    fp16: { enabled: "auto" },
    bf16: { enabled: "auto" },
    steps_per_print: 10,
    _comment: "",
  };
  const keys = ["gradient_accumulation_steps: 8", "learning_rate: 1e-4", "bf16: true"];
  const { options, notes } = ofDeepspeed(auto, ...keys);
  assertEquals(options, { sharding: "fsdp", reshard_after_forward: false, dtype: "bfloat16" });
  assert(notes.some((note) => note.startsWith("deepspeed: reduce_bucket_size: not used")), notes.join("\n"));
  assert(
    !notes.some((note) => note.includes("steps_per_print") || note.includes("_comment")),
    notes.join("\n"),
  );
  assert(notes.some((note) => note.includes("a step has 64 examples")), notes.join("\n"));
  const same = { ...auto, gradient_accumulation_steps: 8, gradient_clipping: 1.0, train_batch_size: 64 };
  assertEquals(ofDeepspeed(same, ...keys).options, options);
  for (
    const [changed, text] of [
      [
        { gradient_accumulation_steps: 4 },
        "needs the value of gradient_accumulation_steps, 8: current value is 4",
      ],
      [
        { train_micro_batch_size_per_gpu: 1 },
        "needs the value of per_device_train_batch_size, 8: current value is 1",
      ],
      [{ train_batch_size: 512 }, "gradient_accumulation_steps, 64: current value is 512"],
      [{ gradient_clipping: 0.5 }, "needs the value of max_grad_norm, 1: current value is 0.5"],
      [{ optimizer: { type: "AdamW", params: { lr: 1e-5 } } }, "needs the value of learning_rate, 0.0001"],
      [
        { optimizer: { type: "Lamb" } },
        "Cannot use optimizer.type of deepspeed, where AdamW alone is taken with an optim that is AdamW: current value is Lamb with optim: adamw_torch_fused; " +
        "take optimizer out",
      ],
      [{ scheduler: { type: "WarmupLR" } }, "take it out, and set lr_scheduler_type"],
      [{ bf16: { enabled: false } }, "needs the value of bf16, true: current value is false"],
      [{ zero_optimization: true }, "zero_optimization has to be a map: current value is true"],
    ] as const
  ) {
    assertThrows(() => ofDeepspeed({ ...auto, ...changed }, ...keys), RangeError, text);
  }
  // transformers 5.17 takes the optimizer of DeepSpeed's file then, and doesn't read optim
  for (const optim of ["adafactor", "sgd"]) {
    const { optimizer, ...without } = auto,
      of = (content: unknown) => ofDeepspeed(content, ...keys, `optim: ${optim}`);
    assertThrows(() => of(auto), RangeError, `current value is ${optimizer.type} with optim: ${optim}`);
    assertEquals(of(without).options, options);
  }
  assertStringIncludes(
    ofDeepspeed({ ...auto, tensor_parallel: { autotp_size: 2 } }, ...keys).notes.join("\n"),
    "tensor_parallel: not used",
  );
  const itself = ofDeepspeed(auto, ...keys, "trainer_options: {sharding: deepspeed}");
  assertEquals(itself.options.sharding, "deepspeed");
  assertStringIncludes(itself.notes.join("\n"), "reduce_bucket_size: not used, as DeepSpeed's defaults are");
  Deno.writeTextFileSync(join(folder, "list.json"), "[]");
  assertThrows(() => resolve(`deepspeed: ${folder}/list.json`), RangeError, "list.json has to be a map");
  Deno.writeTextFileSync(join(folder, "broken.json"), "{");
  assertThrows(() => resolve(`deepspeed: ${folder}/broken.json`), RangeError, "broken.json");
});

Deno.test("FSDP1's and FSDP2's settings, and accelerate's file in the place of fsdp_config", () => {
  const options = (...lines: string[]) => resolve(...lines).config.trainer_options;
  const stage2 = { sharding: "fsdp", reshard_after_forward: false };
  for (const strategy of ["SHARD_GRAD_OP", "2", "HYBRID_SHARD_ZERO2"]) {
    assertEquals(options("fsdp: true", `fsdp_config: {fsdp_sharding_strategy: ${strategy}}`), stage2);
  }
  assertEquals(options("fsdp: true", "fsdp_config: {fsdp_sharding_strategy: NO_SHARD}"), {});
  assertEquals(
    options("fsdp: full_shard", "fsdp_config: {fsdp_reshard_after_forward: SHARD_GRAD_OP}"),
    stage2,
  );
  assertEquals(options("fsdp: false", "fsdp_config: {fsdp_version: 2}"), {});
  const said = resolve(
    "fsdp: hybrid_shard",
    "fsdp_config: {version: 2, activation_checkpointing: true, fancy: 1}",
  ).notes
    .join("\n");
  assertStringIncludes(said, "hybrid_shard: weights are shared out over all processes");
  assertStringIncludes(said, "activation_checkpointing: it is on unless");
  assertStringIncludes(said, "fsdp_config: fancy: not used");
  assert(!said.includes("version: not used"), said);
  for (
    const [line, text] of [
      ["fsdp_config: {sharding_strategy: HALF}", "has to be one of full_shard"],
      [
        "fsdp_config: {offload_params: sometimes}",
        "offload_params has to be true or false: current value is sometimes",
      ],
      ["fsdp: no_shard offload", "offloading needs weights that are shared out"],
      ["fsdp_config: no/such.yaml", "there is no file no/such.yaml"],
    ] as const
  ) {
    assertThrows(() => resolve(line), RangeError, text);
  }

  const path = join(folder, "accelerate.yaml");
  const accelerate = (...lines: string[]) => {
    Deno.writeTextFileSync(
      path,
      ["mixed_precision: bf16  # or fp16", "machine_rank: 0", ...lines, ""].join("\n"),
    );
    return options(`fsdp_config: ${path}`);
  };
  // LLaMA-Factory's examples/accelerate/fsdp_config_multiple_nodes.yaml and fsdp2_config.yaml
  assertEquals(
    accelerate(
      ...[
        "distributed_type: FSDP",
        "main_process_ip: 192.168.0.1",
        "main_process_port: 29500",
        "num_machines: 2",
      ],
      ...["num_processes: 16", "fsdp_config:", "  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP"],
      ...[
        "  fsdp_offload_params: true",
        "  fsdp_sharding_strategy: FULL_SHARD",
        "  fsdp_use_orig_params: true",
      ],
    ),
    {
      nproc_per_node: 8,
      launcher: "torchrun",
      nnodes: 2,
      node_rank: 0,
      rdzv_endpoint: "192.168.0.1:29500",
      dtype: "bfloat16",
      sharding: "fsdp",
      reshard_after_forward: true,
      cpu_offload: true,
    },
  );
  assertEquals(
    accelerate(
      ...["distributed_type: FSDP", "num_machines: 1", "num_processes: 2", "use_cpu: true", "fsdp_config:"],
      ...["  fsdp_reshard_after_forward: false", "  fsdp_version: 2"],
    ),
    { ...stage2, nproc_per_node: 2, device: "cpu", dtype: "bfloat16" },
  );
  assertEquals(accelerate("distributed_type: MULTI_GPU", "num_processes: 4"), {
    nproc_per_node: 4,
    dtype: "bfloat16",
  });
  assertThrows(() => accelerate("distributed_type: DEEPSPEED"), RangeError, "by the key deepspeed");
});

Deno.test("run.yaml names the files of processes by absolute paths, and LLaMA-Factory's own by name", () => {
  const path = join(folder, "absolute.json");
  Deno.writeTextFileSync(path, "{}");
  const from = relative(Deno.cwd(), path);
  assertEquals(absolutePaths({ deepspeed: from, fsdp_config: from }), { deepspeed: path, fsdp_config: path });
  assertEquals(absolutePaths({ deepspeed: "ds_z3_config.json" }), { deepspeed: "ds_z3_config.json" });
});

Deno.test("files of processes may lie beside the training file, and use_cpu keeps PyTorch from GPUs", () => {
  Deno.writeTextFileSync(join(folder, "beside.json"), '{"zero_optimization": {"stage": 3}}');
  const path = join(folder, "train.yaml");
  const text =
    "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\nuse_cpu: true\n";
  const { config, notes } = resolveTrainConfig(parseYaml(`${text}deepspeed: beside.json\n`, path));
  assert(!notes.some((note) => note.startsWith("use_cpu")), notes.join("\n"));
  assertEquals([config.deepspeed, config.trainer_options], [join(folder, "beside.json"), {
    sharding: "fsdp",
    reshard_after_forward: true,
    device: "cpu",
  }]);
});
