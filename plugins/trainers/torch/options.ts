/**
 * Options of the torch trainer.
 * @module
 */
import { z } from "zod";

/** The error for DeepSpeed's launcher; zod's own words for any other value. */
const notDeepspeed = ({ input }: { input?: unknown }) =>
  input === "deepspeed"
    ? "DeepSpeed's launcher isn't used: sharding: deepspeed takes any of direct, torchrun (several machines) and accelerate"
    : undefined;

/** As `trainer_options` in a YAML file. */
export const torchOptions = z.strictObject({
  python: z.string().min(1).nullable().default(null)
    .describe("the Python that has torch, transformers and peft; default: DINOTUNE_PYTHON, else python3"),
  launcher: z.enum(["direct", "torchrun", "accelerate"], { error: notDeepspeed }).default("direct")
    .describe(
      "what starts the processes: this program itself (one node), or PyTorch's or accelerate's launcher",
    ),
  nproc_per_node: z.int().min(1).nullable().default(null)
    .describe(
      "processes on this machine, each with a GPU of its own; default: as many as there are GPUs, else 1",
    ),
  nnodes: z.int().min(1).default(1).describe("machines; more than one needs launcher: torchrun"),
  rdzv_endpoint: z.string().min(1).nullable().default(null)
    .describe("HOST:PORT where the machines' launchers meet, for nnodes above 1"),
  node_rank: z.int().min(0).default(0).describe(
    "this machine's number among nnodes: 0 leads the run, the others lend it their processes",
  ),
  rdzv_id: z.string().min(1).default("dinotune").describe("the name of the run at rdzv_endpoint"),
  sharding: z.enum(["none", "ddp", "fsdp", "deepspeed"]).nullable().default(null).describe(
    "how processes share the work: none (one process), ddp (each holds the whole model), fsdp (each holds a part), deepspeed (ZeRO by " +
      "DeepSpeed itself, which has to be installed); default: ddp, or none for one process",
  ),
  reshard_after_forward: z.boolean().default(true).describe(
    "fsdp: give a block's weights back after its forward pass (as ZeRO-3) rather than keep them for the backward one (ZeRO-2); " +
      "deepspeed: stage 3 rather than 2",
  ),
  cpu_offload: z.boolean().default(false).describe(
    "fsdp, deepspeed: parameters (ZeRO-2: not these), gradients and optimizer rest in the host's memory",
  ),
  device: z.enum(["auto", "cpu"]).default("auto")
    .describe(
      "auto: GPUs where PyTorch has any; cpu: never a GPU, as use_cpu: true says in the training file",
    ),
  dtype: z.enum(["bfloat16", "float32"]).default("bfloat16")
    .describe("of weights that aren't trained, and of products; what is trained is kept in float32"),
  attention: z.enum(["auto", "flex", "sdpa"]).default("auto")
    .describe("flex: FlexAttention's block masks (GPUs); sdpa: chain by chain; auto: flex on GPUs"),
  compile: z.boolean().default(false).describe("compile each block with torch.compile"),
  quantization: z.enum(["none", "4bit"]).default("none")
    .describe("4bit: the frozen weights as NF4 (needs LoRA and bitsandbytes)"),
  ddp_timeout: z.number().positive().default(1800).describe("seconds that a rank waits for the others"),
});

/** Options of {@linkcode torchOptions}, defaults filled in. */
export type TorchOptions = z.infer<typeof torchOptions>;

/** Options that the engine takes; `sharding` decided. */
export type EngineChoices =
  & Pick<
    TorchOptions,
    "reshard_after_forward" | "cpu_offload" | "dtype" | "attention" | "compile" | "quantization"
  >
  & { sharding: "none" | "ddp" | "fsdp" | "deepspeed" };

/**
 * The sharding of so many processes.
 * @throws {RangeError} If the options contradict each other
 */
export function shardingOf(options: TorchOptions, processes: number): EngineChoices["sharding"] {
  const { sharding, cpu_offload, launcher, nnodes, node_rank, rdzv_endpoint, compile, quantization } =
    options;
  const chosen = sharding ?? (processes > 1 ? "ddp" : "none");
  if (chosen === "none" && processes > 1) {
    throw new RangeError(
      `Cannot use sharding: none with ${processes} processes: set ddp or fsdp, or nproc_per_node: 1`,
    );
  }
  if (cpu_offload && chosen !== "fsdp" && chosen !== "deepspeed") {
    throw new RangeError(
      `Cannot use cpu_offload as it needs sharding: fsdp or deepspeed: current value is ${chosen}`,
    );
  }
  for (
    const [used, what] of [[compile, "compile: true"], [
      quantization === "4bit",
      "quantization: 4bit",
    ]] as const
  ) {
    if (used && chosen === "deepspeed") {
      throw new RangeError(
        `Cannot use ${what} with sharding: deepspeed: set sharding: fsdp, or leave it out`,
      );
    }
  }
  if (nnodes > 1 && launcher !== "torchrun") {
    throw new RangeError(
      `Cannot run on ${nnodes} nodes as that needs launcher: torchrun: current value is ${launcher}`,
    );
  }
  if (nnodes > 1 && rdzv_endpoint === null) {
    throw new RangeError(
      `Cannot run on ${nnodes} nodes as the launchers need a place to meet: set rdzv_endpoint: HOST:PORT (or MASTER_ADDR and ` +
        "MASTER_PORT)",
    );
  }
  if (node_rank >= nnodes) {
    throw new RangeError(
      `Cannot be machine ${node_rank} of ${nnodes} as they are numbered from 0: set node_rank or nnodes (NODE_RANK, NNODES)`,
    );
  }
  return chosen;
}
