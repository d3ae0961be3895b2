/** Judge `my_plugin`: decides constraints with a rule {id: "words", kwargs: {max}} by counting words. */
import { definePlugin, type Verdict } from "@dinotune/dinotune";
import { z } from "zod";

export default definePlugin({
  kind: "judge",
  name: "my_plugin",
  version: "1",
  description: "Constraints with a rule {id: words, kwargs: {max}}: 1 when kept",
  options: z.strictObject({
    tolerance: z.number().min(0).default(0).describe("share of words >= 0 by which a limit may be passed"),
  }),
  create: ({ tolerance }) => ({
    scale: 1,
    judge({ response, constraints }) {
      const words = response.split(/\s+/).filter(Boolean).length;
      const verdicts = constraints.map(({ rule }): Verdict =>
        rule?.id === "words"
          ? { score: words <= Number(rule.kwargs.max) * (1 + tolerance) ? 1 : 0 }
          // no verdict is null with a reason; it is counted apart and never a zero
          : { score: null, reason: "it has no rule words" }
      );
      const scores = verdicts.flatMap(({ score }) => score === null ? [] : [score]);
      return Promise.resolve({
        constraints: verdicts,
        overall: scores.length === verdicts.length
          ? { score: Math.min(...scores) }
          : { score: null, reason: "a constraint is unscored" },
        raw: "",
      });
    },
  }),
});
