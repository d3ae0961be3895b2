/**
 * Counts of drafts that reached each step, with the places and reasons of those that were dropped.
 * @module
 */
import { type Draft, STEPS, type SynthStep } from "./draft.ts";

/** One reason of one step. */
export interface DropReason {
  /** In words that are the same for all drafts with this fault. */
  reason: string;
  /** Number of drafts dropped for it. */
  count: number;
  /** A few of them. */
  examples: { id: string; seed: string; text: string }[];
}

/** One step. */
export interface FunnelStep {
  /** The step that these counts are of. */
  step: SynthStep;
  /** Drafts that reached it and were decided on there or later. */
  entered: number;
  /** Dropped at it. */
  dropped: number;
  /** By reason, the most frequent first. */
  reasons: DropReason[];
}

/** Counts of all drafts, step by step. */
export interface Funnel {
  /** Drafts that were begun. */
  begun: number;
  /** Those that nobody answered, or that the run stopped before: neither kept nor dropped. */
  open: number;
  /** Drafts that became rows. */
  kept: number;
  /** Steps that drafts were dropped at or could have been, in order. */
  steps: FunnelStep[];
}

const EXAMPLES = 3;

/**
 * Counts drafts.
 * @param open Those that are undecided
 * @param steps That this run has
 */
export function countFunnel(
  drafts: readonly Draft[],
  open: ReadonlySet<Draft>,
  steps: readonly SynthStep[],
): Funnel {
  const decided = drafts.filter((draft) => !open.has(draft));
  let left = decided.length;
  const counted = STEPS.filter((step) => steps.includes(step)).map((step): FunnelStep => {
    const here = decided.filter(({ dropped }) => dropped?.step === step);
    const entered = left;
    left -= here.length;
    const reasons = [...Map.groupBy(here, ({ dropped }) => dropped?.reason ?? "")]
      .map(([reason, list]) => ({
        reason,
        count: list.length,
        examples: list.slice(0, EXAMPLES).map(exampleOf),
      }))
      .sort((a, b) => b.count - a.count);
    return { step, entered, dropped: here.length, reasons };
  });
  return { begun: drafts.length, open: open.size, kept: left, steps: counted };
}

function exampleOf({ id, seed, dropped }: Draft): DropReason["examples"][number] {
  return { id, seed: seed.text, text: dropped?.example ?? "" };
}
