/**
 * Encodes a batch of examples into one block.
 * @module
 */
import type { Example } from "../../../../plugins/kinds/dataset.ts";
import { encodeParts } from "./encode.ts";
import type { Cut, EncodeContext, EncodedParts, NotEncoded } from "./encoding.ts";
import { BlockBuilder, type StoredBlock } from "./store.ts";

/** Result of a batch. */
export interface EncodedBatch {
  /** Those that can be used. */
  block: StoredBlock;
  /** One an example: what was cut (it is the block's next example), or why there is none. */
  outcomes: (Cut | NotEncoded)[];
}

/** Encodes a batch. A template's objection to a record is a reason. */
export function encodeBatch(examples: readonly Example[], context: EncodeContext): EncodedBatch {
  const builder = new BlockBuilder();
  const outcomes = examples.map((example) => {
    const encoded = encodeOne(example, context);
    if ("reason" in encoded) return encoded;
    builder.add(encoded);
    return encoded.cut;
  });
  return { block: builder.build(), outcomes };
}

function encodeOne(
  example: Example,
  context: EncodeContext,
): EncodedParts | NotEncoded {
  try {
    return encodeParts(example, context);
  } catch (error) {
    // templates throw RangeError on roles that they can't take, SyntaxError on calls that aren't JSON
    if (context.template && (error instanceof RangeError || error instanceof SyntaxError)) {
      // the same words for the same reason: text of the record stands at the end
      const reason = error.message.replace(/(?:[:,] current value is .*|(?<= as JSON): .*)$/s, "");
      return { reason, objection: error.message };
    }
    throw error;
  }
}
