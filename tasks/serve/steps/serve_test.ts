/**
 * The server as OpenAI's own client meets it: one process, a model with random weights, an adapter. Steps stand in order: the last ones
 * look at the log of those before and end the server.
 */
import { answerSteps } from "./_answers.ts";
import { startServedClient } from "./_client.ts";
import { heldSteps } from "./_held.ts";
import { messageSteps } from "./_messages.ts";
import { promptSteps } from "./_prompts.ts";
import { requestSteps } from "./_requests.ts";
import { responseSteps } from "./_responses.ts";
import { runningSteps } from "./_running.ts";

Deno.test("deno task serve answers OpenAI's client", async (t) => {
  const client = await startServedClient();
  await using _server = client.served;
  const all = [answerSteps, responseSteps, messageSteps, heldSteps, promptSteps, requestSteps, runningSteps];
  for (const steps of all) {
    for (const [criterion, step] of Object.entries(steps)) await t.step(criterion, () => step(client));
  }
});
