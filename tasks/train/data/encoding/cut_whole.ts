/**
 * TRL's ways to cut a sequence that is too long: one cut through prompt and answer together, which leaves its beginning or its end.
 * @module
 */
import type { Part } from "./parts.ts";

/** What is kept. */
type Kept = "keep_start" | "keep_end";

/** Sequences, and the tokens of them that were cut off. */
interface CutSequences {
  sequences: { name: string; parts: Part[] }[];
  cut: { prompt: number; answer: number; turns: number };
}

/** True if a sequence is cut as a whole. */
export function isCutWhole(truncation: string): truncation is Kept {
  return truncation === "keep_start" || truncation === "keep_end";
}

/** Sequences of at most `length` tokens, `cut` with what that took away. */
export function cutWhole({ sequences, cut }: CutSequences, length: number, kept: Kept): CutSequences {
  const counts = { ...cut };
  const shorter = sequences.map(({ name, parts }) => {
    let over = parts.reduce((sum, { ids }) => sum + ids.length, 0) - length;
    if (over <= 0) return { name, parts };
    const order = kept === "keep_end" ? parts : parts.toReversed();
    const left = order.flatMap((part): Part[] => {
      const taken = Math.min(Math.max(over, 0), part.ids.length);
      over -= taken;
      counts[part.kind === 1 ? "answer" : "prompt"] += taken;
      if (taken === part.ids.length) return [];
      return taken === 0 ? [part] : [cutPart(part, taken, kept)];
    });
    return { name, parts: kept === "keep_end" ? left : left.reverse() };
  });
  return { sequences: shorter, cut: counts };
}

function cutPart({ ids, kind }: Part, taken: number, kept: Kept): Part {
  const all = Array.from(ids);
  if (kept === "keep_start") return { ids: all.slice(0, all.length - taken), kind };
  // of kind 2 the first token is learnt, which is gone
  return { ids: all.slice(taken), kind: kind === 2 ? 0 : kind };
}
