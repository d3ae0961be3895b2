/** A built-in loss that holds its run still after some examples, so that a signal never comes after the run's end. */
import { join } from "@std/path";

import { temporaryFolder } from "./helpers/temporary_folder.ts";

const AFTER = "DINOTUNE_TEST_HOLD_AFTER", UNTIL = "DINOTUNE_TEST_HOLD_UNTIL";

/** A loss that can be held. */
export interface HeldLoss {
  /** Arguments of a run with it. */
  arguments: string[];
  /** Variables of a run that holds when its loss is asked for one more than `examples`: until the file `until` is there, or for ever. */
  hold(examples: number, until?: string): Record<string, string>;
}

/** Writes the plugin. A run without {@linkcode HeldLoss.hold} is trained as with the built-in loss. */
export function heldLoss(name: "sft" | "dpo"): HeldLoss {
  const file = join(temporaryFolder(), "held.ts");
  Deno.writeTextFileSync(
    file,
    `
import plugin from ${JSON.stringify(new URL(`../plugins/losses/${name}.ts`, import.meta.url).href)};
import { checkLossGradient } from ${
      JSON.stringify(new URL("../plugins/losses/check.ts", import.meta.url).href)
    };

const after = Number(Deno.env.get("${AFTER}") ?? Infinity), until = Deno.env.get("${UNTIL}");
const pause = new Int32Array(new SharedArrayBuffer(4));
let examples = 0;

function isOver() {
  try {
    return until !== undefined && Deno.statSync(until).isFile;
  } catch {
    return false;
  }
}

export default {
  ...plugin,
  name: "held",
  create(options, context) {
    const made = plugin.create(options, context);
    // a look at the loss before the run asks for these, and they are none of the run's examples
    let looks = 0;
    checkLossGradient({ ...made, loss: (inputs) => (looks++, made.loss(inputs)) });
    return {
      ...made,
      loss(inputs) {
        if (++examples > looks + after) { while (!isOver()) Atomics.wait(pause, 0, 0, 10); }
        return made.loss(inputs);
      },
    };
  },
};
`,
  );
  return {
    arguments: [`plugins=[${file}]`, "loss=held"],
    hold: (examples, until) => ({ [AFTER]: String(examples), ...(until && { [UNTIL]: until }) }),
  };
}
