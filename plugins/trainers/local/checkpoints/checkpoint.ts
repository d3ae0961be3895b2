/**
 * Checkpoints: everything that a run needs to continue as if it had never stopped.
 *
 * A directory `checkpoint-N` holds the adapter or model (as at the end of a run), `optimizer.safetensors` (what the optimizer keeps,
 * and its step), `reference_logps.json`, trainer_state.json for other tools and `dinotune_state.json`: position, log, what decided
 * the run. `checksums.json` has the SHA-256 of each. Generators are counter-based: their state is the seed and the step. PyTorch's
 * .pt files can't be written here.
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";

import { SafetensorsFile, writeSafetensors } from "../../../../formats/safetensors/mod.ts";
import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import { release } from "../../../../formats/release.ts";
import type { TrainerInputs } from "../../../kinds/trainer.ts";
import type { BestSoFar } from "../../schedule_points.ts";
import type { NamedArrays } from "../../../../kernels/engine/optimizer/optimizer.ts";
import { shown } from "../../../../formats/message.ts";
import { describeRowFault } from "../../../../formats/records/row_fault.ts";
import { inWords } from "../../../../formats/zod_words.ts";
import { CHECKSUMS, damaged, verifyChecksums, writeChecksums } from "./checksums.ts";
import { commitCheckpoint } from "./checkpoint_directory.ts";
import { ReferenceSums } from "../scoring/reference.ts";
import type { Target, Tensors } from "../target/target.ts";

const FORMAT = 2;
const STATE = "dinotune_state.json", OPTIMIZER = "optimizer.safetensors", REFERENCES = "reference_logps.json";
const TRAINER_STATE = "trainer_state.json";

/** Everything but tensors. */
export interface CheckpointState {
  format: number;
  /** Optimizer steps done. */
  step: number;
  totalSteps: number;
  best: BestSoFar | null;
  /** True if the evaluation that is due at this step was interrupted; absent in checkpoints of older versions. */
  unevaluated?: boolean;
  /** Most rows of a pack; absent in checkpoints of older versions. */
  packRows?: number;
  /** Of the log sink. */
  log: unknown;
  /** `TrainerInputs.record`. */
  config: Readonly<Record<string, unknown>>;
  dataHash: string;
  modelHash: string;
  /** `configHash` of the model; absent in checkpoints of older versions. */
  modelConfigHash?: string;
  /** `ReferenceModel.hash`; absent where the reference is the policy as it began. */
  referenceHash?: string;
  /** What the loss carries; absent of one that carries nothing. */
  carried?: Readonly<Record<string, number>>;
  /** Names of the tensors that are trained; absent in checkpoints of older versions, where the optimizer's numbers tell them. */
  trains?: readonly string[];
}

const count = z.int().min(0);
const State: z.ZodType<CheckpointState> = z.object({
  format: z.union([z.literal(1), z.literal(FORMAT)]),
  step: count,
  totalSteps: count,
  best: z.object({ step: count, value: z.number(), patience: count }).nullable(),
  unevaluated: z.boolean().exactOptional(),
  packRows: count.min(1).exactOptional(),
  log: z.unknown(),
  config: z.record(z.string(), z.unknown()),
  dataHash: z.string(),
  modelHash: z.string(),
  modelConfigHash: z.string().exactOptional(),
  referenceHash: z.string().exactOptional(),
  carried: z.record(z.string(), z.number()).exactOptional(),
  trains: z.array(z.string()).exactOptional(),
});
/** Fields of trainer_state.json that tell of which step it is; other programs read the rest. */
const TrainerState = z.object({
  global_step: count,
  log_history: z.array(z.record(z.string(), z.unknown())),
});

/** Content of a checkpoint. */
export interface CheckpointContent {
  state: Omit<CheckpointState, "format">;
  target: Target;
  /** Its memory is given back once it is written. */
  trained: Tensors;
  /** Asked for, and given back, when the trained tensors are written: both at once would be thrice the model. null with save_only_model. */
  optimizer: (() => Promise<NamedArrays>) | null;
  references: string;
  files: Record<string, string>;
}

/** Writes `checkpoint-N` whole or not at all. @throws {Error} If the disk is full; earlier checkpoints stay. */
export async function saveCheckpoint(directory: string, content: CheckpointContent): Promise<string> {
  const { state, target, trained, optimizer, references, files } = content;
  const { path } = await commitCheckpoint(directory, state.step, async (path) => {
    const written = target.save(path, trained);
    release(Object.values(trained));
    if (optimizer) writeOptimizer(join(path, OPTIMIZER), await optimizer());
    writeFileAtomicSync(join(path, REFERENCES), references);
    for (const [name, text] of Object.entries(files)) writeFileAtomicSync(join(path, name), text);
    writeFileAtomicSync(join(path, STATE), JSON.stringify({ format: FORMAT, ...state }, null, 2));
    writeChecksums(path, [
      ...written.map(({ name }) => name),
      ...Object.keys(files),
      REFERENCES,
      STATE,
      ...optimizer ? [OPTIMIZER] : [],
    ]);
  });
  return path;
}

function writeOptimizer(path: string, arrays: NamedArrays): void {
  const tensors = Object.entries(arrays).map(([name, values]) => ({
    name,
    dtype: values instanceof Float32Array ? "F32" : "F64",
    shape: [values.length],
    data: () => values as Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
  }));
  writeSafetensors(path, tensors);
  release(Object.values(arrays));
}

/**
 * Reads what {@linkcode saveCheckpoint} wrote, except the trained tensors.
 * @throws {RangeError} If it can't be resumed from (no optimizer state, a damaged file, another format or program).
 */
export function readCheckpoint(
  path: string,
): { state: CheckpointState; optimizer: NamedArrays; references: z.infer<typeof ReferenceSums> } {
  const checked = verifyChecksums(path);
  const names = new Set([...Deno.readDirSync(path)].map((entry) => entry.name));
  for (const name of [STATE, OPTIMIZER, REFERENCES]) {
    if (names.has(name)) continue;
    const why = name !== OPTIMIZER
      ? "another program wrote it"
      : "it was saved with save_only_model, or the file was removed";
    throw new RangeError(
      `Cannot resume from ${path} as ${name} is missing: ${why}. Use it as adapter_name_or_path to train on from its weights`,
    );
  }
  const state = readState(path);
  if (state.format === FORMAT) needChecksums(path, checked, names);
  if (names.has(TRAINER_STATE)) checkTrainerState(path, state);
  using file = new SafetensorsFile(join(path, OPTIMIZER));
  const optimizer = Object.fromEntries(
    [...file.tensors].map((
      [name, { dtype }],
    ) => [name, dtype === "F64" ? file.read(name) as Float64Array : file.readFloat32(name)]),
  );
  return {
    state,
    optimizer,
    references: parsed(path, REFERENCES, ReferenceSums, readJson(path, REFERENCES)),
  };
}

/**
 * Makes sure that a checkpoint's weights are those that were written, for a run that puts them back; its state.
 * @throws {RangeError} If a file of it is damaged
 */
export function checkCheckpoint(path: string): CheckpointState {
  const checked = verifyChecksums(path), state = readState(path);
  if (state.format !== 1) needChecksums(path, checked, [...Deno.readDirSync(path)].map(({ name }) => name));
  return state;
}

function readState(path: string): CheckpointState {
  const value = readJson(path, STATE);
  const format = (value as { format?: unknown } | null)?.format;
  // the first format had no checksums
  if (format !== FORMAT && format !== 1) {
    throw new RangeError(
      `Cannot resume from ${path} as this version reads checkpoints of format ${FORMAT}: current value is ${
        shown(format)
      }`,
    );
  }
  return parsed(path, STATE, State, value);
}

/** Every file that a resumed run reads has its sum. */
function needChecksums(path: string, checked: readonly string[] | null, names: Iterable<string>): void {
  if (checked === null) throw damaged(path, CHECKSUMS, "it is missing");
  const unchecked = [...names].find((name) => isRead(name) && !checked.includes(name));
  if (unchecked !== undefined) throw damaged(path, CHECKSUMS, `it has no sum of ${unchecked}`);
}

/** Earlier versions kept no sum of it, so what it says is compared. */
function checkTrainerState(path: string, { step }: CheckpointState): void {
  const { global_step } = parsed(path, TRAINER_STATE, TrainerState, readJson(path, TRAINER_STATE));
  if (global_step === step) return;
  throw damaged(
    path,
    TRAINER_STATE,
    `its global_step must be the checkpoint's, ${step}: current value is ${global_step}`,
  );
}

function readJson(path: string, name: string): unknown {
  const text = Deno.readTextFileSync(join(path, name));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(path, name, `it isn't JSON (${(error as Error).message})`);
  }
}

function parsed<T>(path: string, name: string, schema: z.ZodType<T>, value: unknown): T {
  const { data, error } = schema.safeParse(value, inWords);
  if (error === undefined) return data;
  throw damaged(path, name, describeRowFault(value, schema, error, "its top"));
}

/** True if a resumed run reads a file of a checkpoint. */
function isRead(name: string): boolean {
  return [STATE, REFERENCES, "adapter_config.json"].includes(name) || name.endsWith(".safetensors");
}

/** Lines that say what differs between a checkpoint's run and this one; empty when nothing does. */
export function checkpointDifferences(
  state: CheckpointState,
  now:
    & Pick<CheckpointState, "dataHash" | "modelHash" | "modelConfigHash" | "referenceHash">
    & Pick<TrainerInputs, "changes">,
): string[] {
  const lines = now.changes(state.config)
    .map(({ key, before, after }) => `${key}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`);
  if (state.dataHash !== now.dataHash) {
    lines.push(`encoded data: ${state.dataHash.slice(0, 12)} → ${now.dataHash.slice(0, 12)}`);
  }
  if (state.modelHash !== now.modelHash) {
    lines.push(`model weights: ${state.modelHash.slice(0, 12)} → ${now.modelHash.slice(0, 12)}`);
  }
  if (isConfigChanged(state, now.modelConfigHash)) lines.push("model's configuration (config.json): changed");
  if (state.referenceHash !== now.referenceHash) {
    const [before, after] = [state.referenceHash, now.referenceHash].map((hash) =>
      hash?.slice(0, 12) ?? "none"
    );
    lines.push(`reference model: ${before} → ${after}`);
  }
  return lines;
}

/** True if a checkpoint is of a model with another configuration than a hash's, as far as the checkpoint tells. */
export function isConfigChanged(
  { modelConfigHash }: Pick<CheckpointState, "modelConfigHash">,
  hash: string | undefined,
): boolean {
  return modelConfigHash !== undefined && modelConfigHash !== hash;
}
