/** Benchmark `my_plugin`: sums, decided by comparing numbers; no judge model is asked. */
import { type BenchmarkItem, definePlugin } from "@dinotune/dinotune";
import { z } from "zod";
import { contribute } from "@dinotune/dinotune/evaluation";

export default definePlugin({
  kind: "benchmark",
  name: "my_plugin",
  version: "1",
  description: "Sums of two numbers, right or wrong",
  options: z.strictObject({
    items: z.number().int().positive().default(20).describe("how many sums, > 0"),
  }),
  create: ({ items }) => ({
    // may be read from a file, one at a time
    async *items(): AsyncGenerator<BenchmarkItem> {
      for (let i = 0; i < items; i++) {
        const a = 7 * i % 23, b = 5 * i % 17;
        yield {
          id: `sum-${i}`,
          messages: [{ role: "user", content: `What is ${a} + ${b}? Answer with a number.` }],
          constraints: [{ text: `it is ${a + b}`, groups: {} }],
          groups: { digits: a + b < 10 ? "one" : "two" },
          fields: { sum: String(a + b) },
        };
      }
    },
    check({ fields }, response) {
      const found = /-?\d+/.exec(response)?.[0];
      const verdict = { score: found === fields.sum ? 1 : 0 };
      return Promise.resolve({ constraints: [verdict], overall: verdict, raw: "" });
    },
    contributions({ item, judgement }) {
      // the unjudged has a null, never a zero
      const verdicts = [judgement?.overall ?? { score: null, reason: "unjudged" }];
      const digits = { by: "digits", name: item.groups.digits ?? "" };
      return [...contribute("right", verdicts), ...contribute("right", verdicts, digits)];
    },
  }),
});
