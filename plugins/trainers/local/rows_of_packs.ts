/**
 * How many rows a run computes at once.
 * @module
 */
import type { EngineClient } from "../../../kernels/engine/host.ts";
import { DEFAULT_ROWS, type PackRows, packRowsText } from "../../../kernels/engine/pack_rows.ts";
import type { TrainerInputs } from "../../kinds/trainer.ts";
import type { CheckpointState } from "./checkpoints/checkpoint.ts";

/**
 * Most rows of a pack: the configuration's, those of the checkpoint, so that a resumed run adds up in the same order, or what the
 * engine's device holds.
 */
export async function rowsOfPacks(
  { micro_batch_tokens }: Pick<TrainerInputs["config"], "micro_batch_tokens">,
  checkpoint: CheckpointState | undefined,
  engine: EngineClient,
  log: Pick<TrainerInputs["log"], "note">,
): Promise<PackRows> {
  const wanted = micro_batch_tokens ?? checkpoint?.packRows, chosen = await engine.packRows(wanted);
  if (wanted === undefined && chosen.rows !== DEFAULT_ROWS) log.note?.(packRowsText(chosen));
  return chosen;
}
