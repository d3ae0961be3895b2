/**
 * Keys about number types and several processes.
 * @module
 */
import { bool, fileOrMap, num, orNull, wordList } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function deviceKeys() {
  const row = keyRows("training");
  return {
    deepspeed: row(
      orNull(fileOrMap()),
      null,
      "a DeepSpeed file: chooses trainer: torch, with the equivalents of its ZeRO stage and offloading (docs/scale.md)",
    ),
    fsdp: row(
      orNull(wordList()),
      null,
      "words such as full_shard, shard_grad_op and offload: chooses trainer: torch, with their equivalents (docs/scale.md)",
    ),
    fsdp_config: row(
      orNull(fileOrMap()),
      null,
      "settings of fsdp, or the JSON or YAML file that holds them; accelerate's own file, too",
    ),
    ddp_timeout: row(num({ above: 0 }), 1800, "trainer: torch: seconds that a process waits for the others"),
    fp16: row(
      bool(),
      false,
      "backend webgpu: keep frozen matrices as float16, rounded; without it only those whose values float16 holds, as those of " +
        "a float16 or bfloat16 file; arithmetic is float32 either way. provider cuda: they and the operands of products with them " +
        "are float16, sums float32",
    ),
    bf16: row(
      bool(),
      false,
      "provider cuda: frozen matrices and the operands of products with them are bfloat16, sums and all else float32; trainer torch: " +
        "its dtype; elsewhere float32 is used, which this number type only approximates",
    ),
    tf32: row(
      orNull(bool()),
      null,
      "provider cuda: products of float32 may round their operands to 10 bits of mantissa; elsewhere float32 is used",
      { derived: "true if the variable NVIDIA_TF32_OVERRIDE is 1" },
    ),
  };
}
