/**
 * Numbers of tokens that are kept of a prompt and of its answer: LLaMA-Factory's `infer_seqlen`.
 * @module
 */

/**
 * Shares a budget between prompt and answer. A short answer is kept whole and the prompt cut; a short prompt likewise;
 * if both are long they are cut in proportion.
 *
 * @param source Tokens of the prompt, >= 0.
 * @param target Tokens of the answer, >= 0.
 * @param budget Tokens for both, >= 0.
 * @returns `[source, target]` to keep, never more than there are.
 */
export function inferSeqlen(
  source: number,
  target: number,
  budget: number,
): [source: number, target: number] {
  const limit = target * 2 < budget
    ? budget
    : source * 2 < budget
    ? budget - source
    : Math.floor(budget * (target / Math.max(source + target, 1)));
  const keep = Math.min(limit, target);
  return [Math.min(Math.max(budget - keep, 0), source), keep];
}
