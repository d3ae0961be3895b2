/**
 * A look at a loss of one's own before a run: one whose gradient isn't its formula's trains all the same, and teaches something else.
 * @module
 */
import { TapeFault } from "../../../kernels/tape.ts";
import { FormFault } from "../../../plugins/kinds/checked/maker.ts";
import { checkLossGradient } from "../../../plugins/losses/check.ts";
import type { Registry } from "../../../plugins/registry.ts";

/**
 * Notes on the run's loss where that isn't built in: what `checkLossGradient` finds. They don't end the run: a constant made of `.value`
 * may be meant, and a kink may lie where the check looks. What is of another form in every call ends it here, before the model is read. The loss that is asked is one made for it, so that a run's own, which may count
 * its calls, begins untouched.
 * @param name Its plugin's name
 * @param options Its plugin's options, which have made a loss already
 * @throws {FormFault} If it gives something else than a loss and metrics
 * @throws {TapeFault} If it computes by JavaScript's operators
 */
export function lossNotes(registry: Registry, name: string, options: unknown = {}): string[] {
  const { name: own } = registry.get("loss", name);
  const source = registry.sourceOf("loss", name);
  if (source === "built-in") return [];
  const plugin = `loss/${own} of ${source}`;
  const loss = registry.create("loss", name, options);
  try {
    const { unused } = checkLossGradient(loss);
    // what only `batch` needs has no gradient
    if (unused.length === 0 || loss.batch) return [];
    return [
      `${plugin}: its loss doesn't depend on ${unused.join(", ")}, which go through the model all the same`,
    ];
  } catch (error) {
    if (error instanceof FormFault || error instanceof TapeFault) throw error;
    const words = error instanceof Error ? error.message : String(error);
    return [
      `${
        words.includes(plugin) ? "" : `${plugin}: `
      }${words} (checkLossGradient of its test says so too; the run goes on)`,
    ];
  }
}
