/**
 * The generator's Worker: opens a model, then answers requests, many at once. Started by generator.ts; not imported by anything.
 * @module
 */
import { type CallContext, serve } from "../worker_call.ts";
import type { BatchGenerator, Generated } from "./batch.ts";
import { openGenerator } from "./open.ts";
import type { GeneratorInfo, GeneratorOptions } from "./options.ts";
import type { Sampling } from "./sampling.ts";

/** An event of `generate`: a token and its text. */
export interface TokenEvent {
  token: number;
  text: string;
}

let generator: BatchGenerator | null = null;
const closing = new AbortController();

serve({
  async open(_call, options: GeneratorOptions): Promise<GeneratorInfo> {
    const opened = await openGenerator(options);
    generator = opened.generator;
    return opened.info;
  },
  async generate(
    { signal, emit }: CallContext,
    prompt: number[],
    sampling: Partial<Sampling>,
    tokens: boolean,
  ): Promise<Generated> {
    if (generator === null) throw new Error("Cannot answer a prompt: no model was opened");
    const onToken = tokens
      ? (token: number, text: string) => emit({ token, text } satisfies TokenEvent)
      : undefined;
    return await generator.generate(prompt, sampling, onToken, AbortSignal.any([signal, closing.signal]));
  },
  async close(): Promise<void> {
    closing.abort(new Error("Cannot finish the answer: the generator was closed"));
    await generator?.close();
  },
});
