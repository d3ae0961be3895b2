/**
 * Dataset format `my_plugin`: records {question, answers: [{text, votes}]}; the answer with the most votes is better than the
 * one with the fewest.
 */
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";

const Row = z.object({
  question: z.string().min(1),
  answers: z.array(z.object({ text: z.string().min(1), votes: z.number() })).min(2),
});

export default definePlugin({
  kind: "dataset",
  name: "my_plugin",
  version: "1",
  description: "Records {question, answers: [{text, votes}]}: most votes over fewest",
  options: z.strictObject({
    least: z.number().int().min(1).default(5).describe("votes that the best answer must be ahead by"),
  }),
  create: ({ least }) => ({
    shapes: ["pair"],
    defaults: { columns: {}, tags: {} },
    required: () => ({ prompt: "question", answers: "answers" }),
    // a record is never repaired and never thrown at: what can't be used is counted by its reason
    convert(record, _attributes, source) {
      const row = Row.safeParse(record);
      if (!row.success) {
        const [issue] = row.error.issues;
        return { source, reason: "record has another form", field: issue?.path.join(".") ?? "" };
      }
      const answers = row.data.answers.toSorted((a, b) => b.votes - a.votes);
      const best = answers.at(0), worst = answers.at(-1);
      if (!best || !worst || best.votes - worst.votes < least) {
        return { source, reason: "votes are too close", field: "answers" };
      }
      return {
        source,
        shape: "pair",
        system: "",
        tools: "",
        prompts: { x: [{ role: "user", content: row.data.question }] },
        answers: {
          chosen: { role: "assistant", content: best.text },
          rejected: { role: "assistant", content: worst.text },
        },
      };
    },
  }),
});
