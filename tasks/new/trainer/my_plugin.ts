/**
 * Trainer `my_plugin`: trains as `local` does, for so many minutes at most; then it saves a checkpoint, from which
 * `resume_from_checkpoint=auto` goes on. A trainer that does all by itself gets the same inputs and gives the same result.
 */
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";

export default definePlugin({
  kind: "trainer",
  name: "my_plugin",
  version: "1",
  description: "The local trainer with a limit of time",
  options: z.strictObject({
    minutes: z.number().positive().default(60).describe("time for training, > 0"),
  }),
  create({ minutes }, { registry }) {
    // other plugins are made by name, as the YAML file would
    const local = registry.create("trainer", "local");
    return {
      train(inputs) {
        const limit = AbortSignal.timeout(minutes * 60_000);
        return local.train({ ...inputs, signal: AbortSignal.any([inputs.signal, limit]) });
      },
    };
  },
});
