/**
 * Checkpoints: everything that a run needs to continue as if it had never stopped.
 *
 * A directory `checkpoint-N` holds the adapter or model (as at the end of a run), `optimizer.safetensors` (AdamW's moments
 * and step), `reference_logps.json`, trainer_state.json for other tools and `dinotune_state.json`: position, log, what decided
 * the run. `checksums.json` has the SHA-256 of each. Generators are counter-based: their state is the seed and the step. PyTorch's
 * .pt files can't be written here.
 * @module
 */
import { join } from "@std/path";

import { SafetensorsFile, writeSafetensors } from "../../../formats/safetensors/mod.ts";
import { writeFileAtomicSync } from "../../../formats/atomic.ts";
import type { TrainerInputs } from "../../kinds/trainer.ts";
import type { BestSoFar } from "../schedule_points.ts";
import type { NamedArrays } from "../../../kernels/engine/optimizer.ts";
import { CHECKSUMS, damaged, verifyChecksums, writeChecksums } from "./checksums.ts";
import { commitCheckpoint } from "./checkpoint_directory.ts";
import type { Target, Tensors } from "./setup.ts";

const FORMAT = 2;
const STATE = "dinotune_state.json", OPTIMIZER = "optimizer.safetensors", REFERENCES = "reference_logps.json";

/** Everything but tensors. */
export interface CheckpointState {
  format: number;
  /** Optimizer steps done. */
  step: number;
  totalSteps: number;
  best: BestSoFar | null;
  /** Most rows of a pack; absent in checkpoints of older versions. */
  packRows?: number;
  /** Of the log sink. */
  log: unknown;
  /** `TrainerInputs.record`. */
  config: Readonly<Record<string, unknown>>;
  dataHash: string;
  modelHash: string;
}

/** Content of a checkpoint. */
export interface CheckpointContent {
  state: Omit<CheckpointState, "format">;
  target: Target;
  trained: Tensors;
  /** null with save_only_model. */
  optimizer: NamedArrays | null;
  references: string;
  files: Record<string, string>;
}

/** Writes `checkpoint-N` whole or not at all. @throws {Error} If the disk is full; earlier checkpoints stay. */
export async function saveCheckpoint(directory: string, content: CheckpointContent): Promise<string> {
  const { state, target, trained, optimizer, references, files } = content;
  const { path } = await commitCheckpoint(directory, state.step, (path) => {
    const written = target.save(path, trained);
    if (optimizer) {
      const tensors = Object.entries(optimizer).map(([name, values]) => ({
        name,
        dtype: values instanceof Float32Array ? "F32" : "F64",
        shape: [values.length],
        data: () => values as Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
      }));
      writeSafetensors(join(path, OPTIMIZER), tensors);
    }
    writeFileAtomicSync(join(path, REFERENCES), references);
    for (const [name, text] of Object.entries(files)) writeFileAtomicSync(join(path, name), text);
    writeFileAtomicSync(join(path, STATE), JSON.stringify({ format: FORMAT, ...state }, null, 2));
    writeChecksums(path, [
      ...written.map(({ name }) => name),
      REFERENCES,
      STATE,
      ...optimizer ? [OPTIMIZER] : [],
    ]);
  });
  return path;
}

/**
 * Reads what {@linkcode saveCheckpoint} wrote, except the trained tensors.
 * @throws {RangeError} If it can't be resumed from (no optimizer state, a damaged file, another format or program).
 */
export function readCheckpoint(
  path: string,
): { state: CheckpointState; optimizer: NamedArrays; references: string } {
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
  const state = JSON.parse(Deno.readTextFileSync(join(path, STATE))) as CheckpointState;
  // The first format had no checksums.
  if (state.format !== FORMAT && state.format !== 1) {
    throw new RangeError(
      `Cannot resume from ${path} as this version reads checkpoints of format ${FORMAT}: current value is ${state.format}`,
    );
  }
  if (state.format === FORMAT) {
    if (checked === null) throw damaged(path, CHECKSUMS, "it is missing");
    const unchecked = [...names].find((name) => isRead(name) && !checked.includes(name));
    if (unchecked !== undefined) throw damaged(path, CHECKSUMS, `it has no sum of ${unchecked}`);
  }
  using file = new SafetensorsFile(join(path, OPTIMIZER));
  const optimizer = Object.fromEntries(
    [...file.tensors].map((
      [name, { dtype }],
    ) => [name, dtype === "F64" ? file.read(name) as Float64Array : file.readFloat32(name)]),
  );
  return { state, optimizer, references: Deno.readTextFileSync(join(path, REFERENCES)) };
}

/** Whether a resumed run reads a file of a checkpoint. */
function isRead(name: string): boolean {
  return [STATE, REFERENCES, "adapter_config.json"].includes(name) || name.endsWith(".safetensors");
}

/** Lines that say what differs between a checkpoint's run and this one; empty when nothing does. */
export function checkpointDifferences(
  state: CheckpointState,
  now: Pick<CheckpointState, "dataHash" | "modelHash"> & Pick<TrainerInputs, "changes">,
): string[] {
  const lines = now.changes(state.config)
    .map(({ key, before, after }) => `${key}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`);
  if (state.dataHash !== now.dataHash) {
    lines.push(`encoded data: ${state.dataHash.slice(0, 12)} → ${now.dataHash.slice(0, 12)}`);
  }
  if (state.modelHash !== now.modelHash) {
    lines.push(`model weights: ${state.modelHash.slice(0, 12)} → ${now.modelHash.slice(0, 12)}`);
  }
  return lines;
}
