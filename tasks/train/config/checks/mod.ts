/**
 * Checks between keys: LLaMA-Factory's own, transformers', and ours.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { Fault } from "../fault.ts";
import { idleNotes } from "../idle_keys.ts";
import { checkData } from "./data.ts";
import { checkDevice, deviceNotes } from "./device.ts";
import { checkEvaluationAlone } from "./evaluation.ts";
import { checkMethod } from "./method.ts";
import { checkPrediction } from "./prediction.ts";
import { defaultNotes, methodNotes, packingNotes } from "./method_notes.ts";
import { checkRewards } from "./rewards.ts";
import type { Refuse } from "./refuse.ts";
import { checkSchedule } from "./schedule.ts";

export { isOneProgram, leavesCpu, onCuda } from "./device.ts";

/**
 * Checks a configuration whose values fit their types.
 * @param config Defaults filled in
 * @param given Values as they were written
 * @returns Faults (the run must not start) and notes (to say once)
 */
export function checkConfig(
  config: TrainConfig,
  given: ReadonlyMap<string, unknown>,
): { faults: Fault[]; notes: string[] } {
  const faults: Fault[] = [];
  const refuse: Refuse = (when, key, message) => {
    if (when) faults.push({ key, message });
  };
  checkData(config, refuse);
  checkSchedule(config, refuse);
  checkMethod(config, refuse);
  checkRewards(config, refuse);
  checkPrediction(config, refuse);
  checkEvaluationAlone(config, refuse);
  checkDevice(config, given, refuse);
  const notes = [
    ...packingNotes(config),
    ...deviceNotes(config, given),
    ...methodNotes(config),
    ...idleNotes(config, given),
    ...defaultNotes(given),
  ];
  return { faults, notes };
}
