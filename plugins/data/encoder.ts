/**
 * Who encodes: this thread, or several workers.
 * @module
 */
import type { Example } from "../datasets/dataset.ts";
import { encodeOptions } from "./encode.ts";
import { encodeBatch, type EncodeContext, type EncodedBatch } from "./encode_batch.ts";
import type { LoadInputs } from "./load.ts";

/** Encodes batches. */
export interface Encoder {
  /** Batches that are worth handing in at a time. */
  readonly width: number;
  /** Encodes a batch; batches may be handed in before earlier ones are done. */
  encode(examples: Example[]): Promise<EncodedBatch>;
  /** Ends workers. */
  close(): void;
}

/** Opens an encoder for a run; `bytes` of data decide whether workers pay. */
export function openEncoder({ options, loss, template, tokenizer }: LoadInputs, _bytes: number): Encoder {
  const context: EncodeContext = {
    sequences: loss.sequences,
    template,
    tokenizer,
    options: encodeOptions(options, loss.shape),
  };
  return { width: 1, encode: (examples) => Promise.resolve(encodeBatch(examples, context)), close: () => {} };
}
