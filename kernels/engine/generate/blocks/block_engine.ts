/**
 * The engine that runs block after block, as the scheduler uses engines.
 * @module
 */
import type { BatchEngine } from "../batch/batch_engine.ts";
import type { GenerationEngine } from "./engine.ts";
import type { Outlook, TokenPick } from "../outlook.ts";

/** A scheduler's view of an engine. On a device it chooses tokens itself, since each wait for logits costs more than a token. */
export function blockEngine(engine: GenerationEngine, vocabSize: number): BatchEngine {
  const { hostMemory, keepsTensors } = engine.backend, picks = keepsTensors && !hostMemory;
  return {
    get full() {
      return engine.full;
    },
    picks,
    add: async (ids, { signal, logits: all = true, pick = null, scored }) => {
      const { logits, chosen: [chosen] } = await engine.addFor(
        { logits: all || pick === null, picks: [pick], scored },
        ids,
        signal,
      );
      return outlook(logits, chosen);
    },
    step: async (ids, all, picks) => {
      const wanted = { logits: all || !picks?.every((pick) => pick !== null), picks };
      const { logits, chosen } = await engine.stepFor(wanted, ids);
      return Array.from(
        ids,
        (_, i) => outlook(logits && logits.subarray(i * vocabSize, (i + 1) * vocabSize), chosen[i]),
      );
    },
    ...(picks &&
      { run: (ids: ArrayLike<number>, ways: readonly (readonly TokenPick[])[]) => engine.run(ids, ways) }),
    keep: (slots) => engine.keep(slots),
    dispose: () => engine.dispose(),
  };
}

function outlook(logits: Float32Array | null, chosen: number | undefined): Outlook {
  return { ids: [], best: [], logits, shared: 0, ...(chosen !== undefined && { chosen }) };
}
