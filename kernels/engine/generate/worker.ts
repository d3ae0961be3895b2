/**
 * The generator's Worker: opens a model, then answers requests, many at once. Started by generator.ts; not imported by anything.
 * @module
 */
import type { BatchGenerator, Generated } from "./batch.ts";
import { openGenerator } from "./open.ts";
import type { GeneratorInfo, GeneratorOptions } from "./options.ts";
import type { Sampling } from "./sampling.ts";

/** What the Worker is told. */
export type Order =
  | { type: "open"; id: number; options: GeneratorOptions }
  | { type: "generate"; id: number; prompt: number[]; sampling: Partial<Sampling>; tokens: boolean }
  | { type: "cancel"; id: number }
  | { type: "close"; id: number };

/** What it answers; `id` is the order's. */
export type Report =
  | { type: "token"; id: number; token: number; text: string }
  | { type: "done"; id: number; value: GeneratorInfo | Generated | null }
  | { type: "failed"; id: number; name: string; message: string; stack: string };

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(message: Report): void;
};

let generator: BatchGenerator | null = null;
const running = new Map<number, AbortController>();

async function carryOut(
  order: Exclude<Order, { type: "cancel" }>,
): Promise<GeneratorInfo | Generated | null> {
  switch (order.type) {
    case "open": {
      const opened = await openGenerator(order.options);
      generator = opened.generator;
      return opened.info;
    }
    case "generate": {
      const { id, prompt, sampling, tokens } = order, controller = new AbortController();
      running.set(id, controller);
      const onToken = tokens
        ? (token: number, text: string) => scope.postMessage({ type: "token", id, token, text })
        : undefined;
      try {
        return await generator!.generate(prompt, sampling, onToken, controller.signal);
      } finally {
        running.delete(id);
      }
    }
    case "close":
      for (const controller of running.values()) {
        controller.abort(new Error("Cannot finish the answer: the generator was closed"));
      }
      await generator?.close();
      return null;
  }
}

scope.onmessage = async ({ data }) => {
  if (data.type === "cancel") return running.get(data.id)?.abort();
  const { id } = data;
  try {
    scope.postMessage({ type: "done", id, value: await carryOut(data) });
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    scope.postMessage({ type: "failed", id, name, message, stack: stack ?? "" });
  }
};
