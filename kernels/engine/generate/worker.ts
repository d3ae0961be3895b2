/**
 * The generator's Worker: opens a model, then answers requests, many at once. Started by generator.ts; not imported by anything.
 * @module
 */
import { type CallContext, serve } from "../worker/worker_call.ts";
import type { Generated, OnToken, TokenDetails } from "./answer/answer.ts";
import { Coalescer } from "./coalesce.ts";
import { type OpenedGenerator, openGenerator } from "./open.ts";
import type { GeneratorInfo, GeneratorOptions } from "./options.ts";
import type { Sampling } from "./sampling/sampling.ts";

/** A token of `generate` and its text; events are lists of them. */
export interface TokenEvent {
  token: number;
  text: string;
  details: TokenDetails;
}

let opened: OpenedGenerator | null = null;
const closing = new AbortController();

function running(): OpenedGenerator {
  if (opened === null) throw new Error("Cannot answer a prompt: no model was opened");
  return opened;
}

serve({
  async open({ emit }: CallContext, options: GeneratorOptions): Promise<GeneratorInfo> {
    opened = await openGenerator(options, (...phase) => emit(phase));
    return opened.info;
  },
  async generate(
    { signal, emit }: CallContext,
    prompt: number[],
    sampling: Partial<Sampling>,
    tokens: boolean,
  ): Promise<Generated[]> {
    const events = new Coalescer<TokenEvent>(emit);
    const onToken: OnToken | undefined = tokens
      ? (token, text, details) => events.push({ token, text, details })
      : undefined;
    try {
      return await running().generator.generateAll(
        prompt,
        sampling,
        onToken,
        AbortSignal.any([signal, closing.signal]),
      );
    } finally {
      events.flush();
    }
  },
  async loadAdapter(_call, name: string, directory: string): Promise<void> {
    await running().loadAdapter(name, directory);
  },
  async unloadAdapter(_call, name: string): Promise<void> {
    await running().unloadAdapter(name);
  },
  async close(): Promise<void> {
    closing.abort(new Error("Cannot finish the answer: the generator was closed"));
    await opened?.generator.close();
  },
});
