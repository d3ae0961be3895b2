/**
 * The engine that runs block after block, as the scheduler uses engines.
 * @module
 */
import type { BatchEngine } from "./batch_engine.ts";
import type { GenerationEngine } from "./engine.ts";
import type { Outlook } from "./outlook.ts";

/** A scheduler's view of an engine that always gives all logits. */
export function blockEngine(engine: GenerationEngine, vocabSize: number): BatchEngine {
  return {
    get full() {
      return engine.full;
    },
    add: async (ids, { signal }) => allLogits(await engine.add(ids, signal)),
    step: async (ids) => {
      const logits = await engine.step(ids);
      return Array.from(ids, (_, i) => allLogits(logits.subarray(i * vocabSize, (i + 1) * vocabSize)));
    },
    keep: (slots) => engine.keep(slots),
    dispose: () => engine.dispose(),
  };
}

/** An outlook of nothing but logits `[V]`. */
export function allLogits(logits: Float32Array): Outlook {
  return { ids: [], best: [], logits, shared: 0 };
}
