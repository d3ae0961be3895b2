/**
 * LLaMA-Factory's keys for several processes, in terms of `trainer: torch`: DeepSpeed's file and FSDP's words become the
 * equivalents of FSDP2, and FORCE_TORCHRUN=1 torchrun's options. What has no equivalent is told.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { readDeepspeed, type RepeatedKeys } from "./deepspeed.ts";
import { workingKeys } from "../working_keys.ts";
import type { Distributed } from "./found.ts";
import { readFsdp } from "./fsdp.ts";
import { readLauncher, type Variables } from "./launcher.ts";

type DistributedKeys =
  & Pick<TrainConfig, "trainer" | "trainer_options" | "deepspeed" | "fsdp" | "fsdp_config" | "ddp_timeout">
  & RepeatedKeys;

/**
 * Chooses the trainer that the keys ask for, in place, unless one is written; written options win.
 * @param values A configuration, defaults filled in
 * @param given Keys as they were written
 */
export function chooseTrainer(
  values: DistributedKeys,
  given: ReadonlyMap<string, unknown>,
  variable: Variables,
): Pick<Distributed, "notes" | "faults"> {
  const { asks, options, notes, faults } = read(values, given, variable);
  const table = workingKeys();
  const keys = (["deepspeed", "fsdp", "fsdp_config", "ddp_timeout"] as const).filter((key) =>
    given.has(key) && values[key] !== table[key].default
  );
  if (given.has("trainer") && values.trainer !== "torch") {
    const unused = [...keys, ...asks === "FORCE_TORCHRUN" ? [asks] : []];
    if (unused.length === 0) return { notes: [], faults: [] };
    return {
      notes: [`${unused.join(", ")}: not used, as trainer: ${values.trainer} runs in one process`],
      faults: [],
    };
  }
  if (asks === null && values.trainer !== "torch") {
    return {
      notes: keys.map((key) => `${key}: not used, as trainer: local runs in one process`),
      faults: [],
    };
  }
  if (given.has("bf16")) options.dtype ??= given.get("bf16") === false ? "float32" : "bfloat16";
  if (given.get("use_cpu") === true || given.get("no_cuda") === true) options.device = "cpu";
  values.trainer_options = { ...options, ...values.trainer_options };
  if (asks === null) return { notes, faults };
  const size = values.per_device_train_batch_size * values.gradient_accumulation_steps;
  if (values.trainer_options.nproc_per_node !== 1 || Number(values.trainer_options.nnodes ?? 1) > 1) {
    notes.unshift(
      `${asks}: a step has ${size} examples (per_device_train_batch_size × gradient_accumulation_steps) on any number of ` +
        "processes; LLaMA-Factory's has so many on each",
    );
  }
  if (values.trainer === "torch") return { notes, faults };
  values.trainer = "torch";
  const set = Object.entries(values.trainer_options).map(([name, value]) => `${name}: ${value}`).join(", ");
  const note =
    `${asks}: training on PyTorch's processes (trainer: torch${
      set ? ` with ${set}` : ""
    }; docs/scale.md); trainer: local ` +
    "trains in this process instead";
  return { notes: [note, ...notes], faults };
}

/** Reads the keys, the files that they name, and the launcher's variables. */
function read(
  config: DistributedKeys,
  given: ReadonlyMap<string, unknown>,
  variable: Variables,
): Distributed {
  const found: Distributed = { asks: null, options: {}, notes: [], faults: [] };
  const attempt = (key: string, reads: () => void) => {
    try {
      reads();
    } catch (error) {
      const message = error instanceof Deno.errors.NotFound
        ? `there is no file ${config.fsdp_config}`
        : error instanceof Error
        ? error.message
        : String(error);
      found.faults.push({ key, message: `Cannot read ${key}: ${message}` });
    }
  };
  const { fsdp, fsdp_config, deepspeed } = config;
  if (given.has("ddp_timeout")) found.options.ddp_timeout = config.ddp_timeout;
  // As in transformers, settings of an fsdp that is written as nothing do nothing.
  if ((fsdp ?? []).length > 0 || (fsdp_config !== null && !given.has("fsdp"))) {
    attempt(typeof fsdp_config === "string" ? "fsdp_config" : "fsdp", () => readFsdp(config, found));
  }
  if (deepspeed !== null) {
    attempt("deepspeed", () => readDeepspeed(deepspeed, config, given, found));
  }
  readLauncher(variable, found.asks !== null || config.trainer === "torch", found);
  return found;
}
