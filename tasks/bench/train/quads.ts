/**
 * Token ids that training steps are timed on.
 * @module
 */
import { z } from "zod";

import { readJsonFile } from "../../../formats/hf_model/json.ts";
import { inWords } from "../../../formats/zod_words.ts";

const Ids = z.array(z.int().min(0)).min(1);
const Quads = z.object({
  quads: z.array(z.object({ x1_ids: Ids, y1_ids: Ids, x2_ids: Ids, y2_ids: Ids })).min(1),
});

/** Two prompts and two answers as token ids of the model. */
export type Quad = z.output<typeof Quads>["quads"][number];

/**
 * Reads a file like fixtures/bench/smollm2_quads.json; fields beside the ids are left out.
 * @throws {RangeError} If it isn't there, or hasn't that form
 * @throws {SyntaxError} If it isn't JSON
 */
export function readQuads(path: string): Quad[] {
  const parsed = Quads.safeParse(readJsonFile(path), inWords);
  if (parsed.success) return parsed.data.quads;
  const [issue] = parsed.error.issues;
  throw new RangeError(
    `Cannot read ${path} as quadruples of token ids at ${
      issue?.path.join(".") || "its top"
    }: ${issue?.message}; ` +
      "fixtures/bench/smollm2_quads.json has the form",
  );
}

/**
 * Makes sure that a model has every token.
 * @param vocabSize Rows of its embedding, > 0
 * @throws {RangeError} If not: names the first id that it lacks
 */
export function checkIds(
  quads: readonly Quad[],
  vocabSize: number,
  { model, file }: { model: string; file: string },
): void {
  for (const [i, quad] of quads.entries()) {
    for (const [name, ids] of Object.entries(quad)) {
      const id = ids.find((each) => each >= vocabSize);
      if (id === undefined) continue;
      throw new RangeError(
        `Cannot time ${model} on ${file} as every token needs a row of the model's embedding, which has ${vocabSize}: current value ` +
          `is token ${id} in quads.${i}.${name}; give --quads FILE with ids of this model`,
      );
    }
  }
}
