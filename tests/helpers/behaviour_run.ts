/** Runs of the loop on a tiny model, shared by the tests of what it does besides arithmetic. */
import { temporaryFolder } from "./temporary_folder.ts";
import type { Backend } from "../../kernels/backend.ts";
import { referenceBackend } from "../../kernels/mod.ts";
import { idsExample, tinyModel } from "./tiny_model.ts";
import { EngineHost } from "../../kernels/engine/host.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import { lossOf, recorder } from "./golden_run.ts";
import { BARE_LOOP } from "../../plugins/trainers/local/loop/bare_loop.ts";
import { planBatches, type PlanConfig } from "../../plugins/trainers/local/batches/batches.ts";
import { readCheckpoint } from "../../plugins/trainers/local/checkpoints/checkpoint.ts";
import { listCheckpoints } from "../../plugins/trainers/local/checkpoints/checkpoint_directory.ts";
import { trainLoop } from "../../plugins/trainers/local/loop/loop.ts";
import type { LoopConfig, LoopInputs } from "../../plugins/trainers/local/loop/loop_inputs.ts";
import { ReferenceCache } from "../../plugins/trainers/local/scoring/reference.ts";
import { makeTarget } from "../../plugins/trainers/local/target/make_target.ts";
import type { TargetConfig } from "../../plugins/trainers/local/target/target.ts";

/** Six preference pairs. */
export const ROWS = Array.from({ length: 6 }, (_, i) => ({
  ...idsExample({ chosen: [[3 + i, 7, 9], [11, 12 + i, 2]], rejected: [[3 + i, 7, 9], [21, 2]] }),
  index: i,
  source: { file: "rows.jsonl", row: i },
}));

/** Keys that the loop, the plan and the target take. */
export type RunConfig = LoopConfig & PlanConfig & TargetConfig;

/** DPO with LoRA, six steps of two pairs. */
export const CONFIG: RunConfig = {
  ...BARE_LOOP,
  finetuning_type: "lora",
  additional_target: [],
  freeze_trainable_layers: 2,
  freeze_trainable_modules: ["all"],
  freeze_extra_modules: [],
  use_llama_pro: false,
  base_model: null,
  adapter_name_or_path: [],
  model_name_or_path: "tiny",
  lora_target: ["all"],
  lora_rank: 4,
  lora_alpha: 8,
  lora_dropout: 0,
  use_rslora: false,
  use_dora: false,
  pissa_init: false,
  seed: 1,
  data_seed: 1,
  learning_rate: 1e-2,
  per_device_train_batch_size: 1,
  gradient_accumulation_steps: 2,
  num_train_epochs: 2,
  max_steps: -1,
  dataloader_drop_last: false,
  save_strategy: "steps",
  save_steps: 2,
};

/** Runs the loop on the tiny qwen2, or that of `arch`, in a temporary folder, `change` first; gives what `use` gives. */
export async function runTinyLoop<T>(
  { arch = "qwen2", ...overrides }: Partial<RunConfig> & { arch?: string },
  use: (
    result: () => ReturnType<typeof trainLoop>,
    inputs: LoopInputs & { log: ReturnType<typeof recorder> },
  ) => Promise<T>,
  { change = () => {}, loss = lossOf("dpo", 0.1), backend = referenceBackend() }: {
    change?: (weights: Record<string, Float32Array>) => void;
    loss?: Loss | undefined;
    backend?: Backend | undefined;
  } = {},
): Promise<T> {
  const output_dir = temporaryFolder();
  const config = { ...CONFIG, output_dir, ...overrides };
  const { config: decoder, weights } = tinyModel(arch);
  change(weights);
  const target = makeTarget(config, { config: {}, generationConfig: {}, beside: null } as never, decoder, {
    files: {},
  });
  const engine = new EngineHost(backend, {
    modelPath: "",
    decoder,
    tuning: target.tuning,
    initial: target.initial,
    checkpointing: true,
    seed: 1,
    device: { backend: "reference", provider: "cpu", threads: null },
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 },
  }, (name) => weights[name]!);
  const inputs = {
    engine,
    loss,
    references: new ReferenceCache(),
    config,
    plan: planBatches(config, ROWS, true, null),
    target,
    evaluation: ROWS.slice(0, 3),
    log: recorder(),
    signal: new AbortController().signal,
    dropout: config.lora_dropout,
    record: config,
    dataHash: "d",
    modelHash: "m",
    from: { step: 0, best: null },
  };
  try {
    return await use(() => trainLoop(inputs), inputs);
  } finally {
    await engine.close();
  }
}

/**
 * Goes on from a checkpoint, in another folder, to the run's end.
 * @param run As {@linkcode runTinyLoop} takes it
 * @param initial Values of what is trained, as the checkpoint has them
 * @returns Folder of the last checkpoint
 */
export async function goOn(
  run: Parameters<typeof runTinyLoop>[0],
  checkpoint: string,
  initial: Parameters<EngineHost["restore"]>[0],
): Promise<string> {
  return await runTinyLoop(run, async (again, inputs) => {
    const { state, optimizer, references } = readCheckpoint(checkpoint);
    await inputs.engine.restore(initial, optimizer);
    Object.assign(inputs, { from: state, references: new ReferenceCache() });
    inputs.references.load(references);
    await again();
    return listCheckpoints(inputs.config.output_dir).at(-1)!.path;
  });
}
