/**
 * OpenAI's client at a server with random weights and an adapter, for the steps of the server's test.
 * @module
 */
import { join } from "@std/path";
import OpenAI from "openai";

import { type Served, startServed } from "../../../tests/helpers/served.ts";
import { until } from "../../../tests/helpers/until.ts";

/** Folder of model and adapter; no adapter itself. */
export const SERVED_FOLDER = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
/** The model `random`. */
export const SERVED_MODEL = join(SERVED_FOLDER, "model");
/** The adapter `tuned`. */
export const SERVED_ADAPTER = join(SERVED_FOLDER, "adapter");
/** One of the server's two keys. */
export const SERVED_KEY = "sk-of-this-test";

/** A server, and what asks it. */
export interface ServedClient {
  served: Served;
  /** Address with `/v1`. */
  baseURL: string;
  client: OpenAI;
}

/** Steps of the server's test in their order: what each one shows, and the function that does. */
export type ServedSteps = Record<string, (client: ServedClient) => Promise<void>>;

/** A request without a stream. */
export type WholeChat = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

/** A greedy request of at most 12 tokens. */
export const asked = (content: string, more: Partial<WholeChat> = {}): WholeChat => ({
  model: "random",
  messages: [{ role: "system", content: "Be brief." }, { role: "user", content }],
  temperature: 0,
  max_tokens: 12,
  ...more,
});

/** The server's metrics. */
export async function metricsOf({ base }: Served): Promise<string> {
  const reply = await fetch(`${base}/metrics`, { headers: { authorization: `Bearer ${SERVED_KEY}` } });
  return await reply.text();
}

/**
 * Waits until the log has a line about every completion that has been replied to: what counts lines from now on counts none of before, which
 * come behind their reply and by another way.
 * @returns The number of those lines
 */
export async function loggedSoFar(served: Served): Promise<number> {
  const counts = (await metricsOf(served)).matchAll(
    /^dinotune_requests_total\{path=".*completions",.*\} (\d+)$/gm,
  );
  const replied = [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  await until(`${replied} lines of replies`, () => completionLines(served).length >= replied, {
    said: served.log,
  });
  return replied;
}

/** Whole lines of the log about completions, from the status on. */
export function completionLines(served: Served): string[] {
  return served.log().match(/(?<=completions )\d+ .*(?=\n)/g) ?? [];
}

/** Starts the server: three answers at once and three that wait. */
export async function startServedClient(): Promise<ServedClient> {
  const served = await startServed(
    [
      SERVED_MODEL,
      "--name",
      "random",
      "--template",
      "qwen",
      "--backend",
      "onnx",
      "--adapter",
      `tuned=${SERVED_ADAPTER}`,
    ]
      .concat(["--batch", "3", "--queue", "3", "--max-tokens", "400", "--max-body", "200000"]),
    { DINOTUNE_API_KEYS: `other,${SERVED_KEY}` },
  );
  const baseURL = `${served.base}/v1`;
  return { served, baseURL, client: new OpenAI({ baseURL, apiKey: SERVED_KEY, maxRetries: 0 }) };
}
