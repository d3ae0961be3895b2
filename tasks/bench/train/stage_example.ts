/**
 * Examples of a stage of training, from token ids of quadruples.
 * @module
 */
import { entryOf } from "../../../formats/elements.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import type { Quad } from "./quads.ts";

/** The sequences of a stage, as the Python script makes them. */
export function stageExample(stage: string, q: Quad, index: number): EncodedExample {
  const pairs: Record<string, Record<string, [number[], number[]]>> = {
    sft: { y: [q.x1_ids, q.y1_ids] },
    dpo: { chosen: [q.x1_ids, q.y1_ids], rejected: [q.x1_ids, q.y2_ids] },
    iopo: {
      x1y1: [q.x1_ids, q.y1_ids],
      x1y2: [q.x1_ids, q.y2_ids],
      x2y2: [q.x2_ids, q.y2_ids],
      x2y1: [q.x2_ids, q.y1_ids],
    },
  };
  return {
    index,
    source: { file: "quads", row: index },
    sequences: Object.entries(entryOf(pairs, stage)).map(([name, [x, y]]) => ({
      name,
      input_ids: Int32Array.from([...x, ...y]),
      labels: Int32Array.from([...x.map(() => -100), ...y]),
    })),
  };
}
