/**
 * BLEU-4 of one text: nltk's `sentence_bleu` with its third smoothing, over characters, as LLaMA-Factory counts it.
 *
 * BLEU = BP · exp(¼ Σₙ ln pₙ), n from 1 to 4. pₙ is the share of the answer's n-grams that the reference has, each counted at most as
 * often as there; where none is found, 1/(2ᵏ · number of n-grams) for the k-th such n. BP = exp(1 − r/c) for an answer of c
 * characters that is shorter than the reference's r. (Papineni et al. 2002; Chen and Cherry 2014.)
 * @module
 */
const MOST = 4;

/** BLEU-4 in [0, 1]; 0 where no character is found. */
export function bleu4(answer: string, reference: string): number {
  const hypothesis = [...answer], expected = [...reference];
  let sum = 0, missing = 0;
  for (let n = 1; n <= MOST; n++) {
    const counts = counted(hypothesis, n), most = counted(expected, n);
    let found = 0;
    for (const [gram, count] of counts) found += Math.min(count, most.get(gram) ?? 0);
    if (n === 1 && found === 0) return 0;
    const all = Math.max(1, hypothesis.length - n + 1);
    sum += Math.log(found > 0 ? found / all : 1 / (2 ** ++missing * all)) / MOST;
  }
  const short = hypothesis.length > expected.length ? 1 : Math.exp(1 - expected.length / hypothesis.length);
  return short * Math.exp(sum);
}

function counted(characters: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= characters.length; i++) {
    const gram = characters.slice(i, i + n).join("");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
