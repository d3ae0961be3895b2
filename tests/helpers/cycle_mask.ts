/**
 * A mask for tests: ids of a list in turn, and nothing else.
 * @module
 */
import type { MakeMask } from "../../kernels/engine/generate/sampling/mask.ts";

const cycleMask: MakeMask = (options) => {
  const { cycle } = options as { cycle: number[] };
  let next = 0;
  return {
    fill: (words) => {
      words.fill(0);
      const id = cycle[next % cycle.length];
      if (id !== undefined) words[id >> 5] = 1 << (id & 31);
    },
    accept: () => next++,
  };
};
export default cycleMask;
