/** Endpoint `my_plugin`: a program on the command line's other side; here it answers with the request's last words. */
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";

export default definePlugin({
  kind: "endpoint",
  name: "my_plugin",
  version: "1",
  description: "Echoes the last words of a question",
  options: z.strictObject({
    words: z.number().int().positive().default(5).describe("how many words, > 0"),
  }),
  create: ({ words }) => ({
    model: "echo",
    // what decides about answers; a timeout or an address of the same server would not stand here
    identity: { words },
    // failures are outcomes, not exceptions: { outcome: "error", error, failure: { kind, retryable, fatal } }
    complete({ messages, max_tokens }) {
      const asked = (messages.at(-1)?.content ?? "").split(/\s+/).filter(Boolean);
      const said = asked.slice(-words), given = said.slice(0, max_tokens ?? words);
      return Promise.resolve({
        outcome: given.length < said.length ? "length" : "stop",
        text: given.join(" "),
        promptTokens: asked.length,
        completionTokens: given.length,
      });
    },
    close: () => Promise.resolve(),
  }),
});
