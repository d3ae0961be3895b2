/**
 * The optimisation loop: reads top to bottom. Mathematics is in the losses, order is here.
 * @module
 */
import type { LoopInputs } from "./loop_inputs.ts";
import { type LoopResult, LoopRun } from "./loop_run.ts";

/** Trains from `from.step` to the end, to an interruption, or to early stopping. */
export async function trainLoop(inputs: LoopInputs): Promise<LoopResult> {
  const { config, plan, log, signal } = inputs;
  const run = new LoopRun(inputs), { due } = run;
  if (!await run.begin()) return await run.interrupted(true);
  while (run.goesOn) {
    const began = performance.now();
    const rollout = await inputs.rollouts?.step(plan.step(run.step).flat(), due.pointAt(run.step + 1));
    if (rollout === null) return await run.interrupted();
    const batches = rollout?.batches ?? plan.step(run.step);
    const scored = await run.score(batches);
    if (!scored) return await run.interrupted();
    if (!await run.update(batches, { ...scored, ...(rollout && { ofRollout: rollout.metrics }) }, began)) {
      continue;
    }
    if (!await due.close(due.pointAt(run.step))) return await run.interrupted(true);
    if (signal.aborted && run.goesOn) return await run.interrupted();
  }
  if (due.stopsEarly()) {
    log.warn(
      `stopped early: ${due.best?.patience} evaluations without a better ${config.metric_for_best_model}`,
    );
  }
  return run.finished();
}
