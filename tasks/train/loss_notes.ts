/**
 * A look at a loss of one's own before a run: one whose gradient isn't its formula's trains all the same, and teaches something else.
 * @module
 */
import { checkLossGradient } from "../../plugins/losses/check.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import type { Registry } from "../../plugins/registry.ts";

/**
 * Notes on the run's loss where that isn't built in: what `checkLossGradient` finds. They don't end the run: a constant made of `.value`
 * may be meant, and a kink may lie where the check looks.
 * @param name Its plugin's name
 */
export function lossNotes(loss: Loss, registry: Registry, name: string): string[] {
  const { name: own } = registry.get("loss", name);
  const entry = registry.list().find((plugin) => plugin.kind === "loss" && plugin.name === own);
  if (entry === undefined || entry.source === "built-in") return [];
  const plugin = `loss/${own} of ${entry.source}`;
  try {
    const { unused } = checkLossGradient(loss);
    // what only `batch` needs has no gradient
    if (unused.length === 0 || loss.batch) return [];
    return [
      `${plugin}: its loss doesn't depend on ${unused.join(", ")}, which go through the model all the same`,
    ];
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return [
      `${
        words.includes(plugin) ? "" : `${plugin}: `
      }${words} (checkLossGradient of its test says so too; the run goes on)`,
    ];
  }
}
