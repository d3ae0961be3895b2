/**
 * Effect of a constraint's place on a judge's verdict, measured: the judge is asked again about the same answers with the
 * constraints in reverse order, so that each constraint is compared with itself at another place. Nothing that makes
 * constraints different (the first ones being easier, say) plays a part.
 *
 * Order swaps as in Zheng et al. 2023 ("Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", arXiv 2306.05685), for places
 * in a list instead of pairs.
 * @module
 */
import { item, valueOf } from "../../../formats/elements.ts";
import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { Judgement } from "../../../plugins/kinds/judgement.ts";
import { type Ask, type Judge, JudgeUnreachable } from "../../../plugins/kinds/judge.ts";
import { type Verdict } from "../../../plugins/kinds/judgement.ts";
import type { Asker } from "../../ask/asker.ts";
import { type FailureCount, Failures } from "../../ask/failures.ts";
import { forEachWide } from "../../ask/for_each_wide.ts";
import { type Measured, measured } from "../statistics/measured.ts";
import { randomWords } from "../statistics/random_words.ts";
import { type StoredItem, storedItems, type StoredRun } from "../store/stored.ts";

/** Effect of moved constraints on one judge's verdicts. */
export interface PlaceEffect {
  /** Judge, or member of a panel. */
  judge: string;
  /**
   * Change of a verdict, as a share of the scale, when its constraint moves from the first place to the last: the slope of the
   * differences over the differences in place, within answers. Above 0: late constraints are judged more kindly.
   */
  effect: Measured;
  /** Share of constraints with the same verdict (met or not) in both orders; null without any. */
  same: number | null;
  /** Constraints that have a score in both orders. */
  constraints: number;
  /** Constraints without a score in one of the orders: in nothing above. */
  unscored: number;
}

/** Measurement by asking again. */
export interface Reordered {
  /** Answers that were judged again. */
  answers: number;
  /** Answers that the judge couldn't be asked about again. */
  failed: number;
  /** Why not, by kind of error. */
  failures: FailureCount[];
  /** The judge; then, of a panel, each member. */
  effects: PlaceEffect[];
}

/** Options of asking again. */
export interface ReorderOptions {
  /** The judge, as in the run. */
  judge: Judge;
  /** Title of the judge, for the report. */
  title: string;
  /** Asks; its cache makes a second measurement free. */
  asker: Asker;
  /** Answers to judge again, at most, drawn among those with two constraints or more. */
  answers: number;
}

/**
 * Judges answers of a run again, constraints in reverse order.
 * @throws {RangeError} If the judge asks no model, or no judged answer has two constraints
 * @throws {Stopped} If the budget is spent, or nothing can be asked
 */
export async function reorder(run: StoredRun, options: ReorderOptions): Promise<Reordered> {
  const { judge, title, asker } = options;
  if (!judge.endpoints?.length) {
    throw new RangeError(`Cannot ask ${title} again in another order as it asks no model`);
  }
  const { scale = 1 } = run.part.benchmark.protocol ?? {};
  // kept by place, so that sums and intervals don't depend on which answer came first
  const pairs: ([first: Judgement, again: Judgement] | undefined)[] = [];
  const failures = new Failures();
  let asked = 0;
  await forEachWide(await sampleOf(run, options.answers), run.config.concurrency, async (stored) => {
    const number = asked++;
    try {
      const again = await judgeReversed(run, judge, asker, stored);
      pairs[number] = [stored.judgement!, again];
    } catch (error) {
      if (!(error instanceof JudgeUnreachable)) throw error;
      const { failure } = error.completion;
      failures.add(`judge: ${failure?.kind ?? "error"}`, error.message, failure?.retryable ?? false);
    }
  });
  const sums = new Map([[title, new EffectSums(title, scale)]]);
  let answers = 0;
  for (const pair of pairs) {
    if (pair === undefined) continue;
    const [first, again] = pair;
    answers++;
    valueOf(sums, title).add(first.constraints, again.constraints);
    for (const [i, { judge: name, judgement: own }] of (first.members ?? []).entries()) {
      const other = again.members?.[i]?.judgement.constraints;
      if (other === undefined) continue;
      let member = sums.get(name);
      if (member === undefined) sums.set(name, member = new EffectSums(name, scale));
      member.add(own.constraints, [...other].reverse());
    }
  }
  return {
    answers,
    failed: asked - answers,
    failures: failures.list(),
    effects: [...sums.values()].map((s) => s.effect(run.config.seed)),
  };
}

/** So many of the judged answers with two constraints or more, drawn without replacement; Knuth's algorithm S. */
async function sampleOf(run: StoredRun, wanted: number): Promise<AsyncGenerator<StoredItem>> {
  const fits = ({ item, response, judgement }: StoredItem) =>
    item.constraints.length > 1 && response !== null && judgement !== null;
  let known = 0;
  for await (const stored of storedItems(run)) if (fits(stored)) known++;
  if (known === 0) {
    throw new RangeError(
      `Cannot change the order in ${run.config.out_dir} as no judged answer has two constraints: leave reorder out`,
    );
  }
  const next = randomWords(run.config.seed);
  return (async function* () {
    let left = known, needed = Math.min(wanted, known);
    for await (const stored of storedItems(run)) {
      if (needed === 0) return;
      if (fits(stored) && next() * 2 ** -32 * left-- < needed) {
        needed--;
        yield stored;
      }
    }
  })();
}

/**
 * The judgement of the reversed item, its verdicts in the first order again.
 * @throws {JudgeUnreachable} If the judge couldn't be asked
 */
async function judgeReversed(
  run: StoredRun,
  judge: Judge,
  asker: Asker,
  { item, response }: StoredItem,
): Promise<Judgement> {
  const ask: Ask = async (endpoint, request, round) => (await asker.ask(endpoint, request, round)).completion;
  const reversed = reversedItem(item);
  const { protocol } = run.part.benchmark;
  const judgement: Judgement = await judge.judge({
    id: item.id,
    prompt: lastUserText(item.messages),
    response: response!,
    constraints: reversed.constraints,
    item: reversed,
    ...(protocol && { protocol }),
    ask,
    // a verdict that couldn't be read as a whole isn't kept for the next measurement either
    unread: (endpoint, asked, round) => asker.forget(endpoint, asked, round),
  }, new AbortController().signal);
  return { ...judgement, constraints: [...judgement.constraints].reverse() };
}

/**
 * The item with its constraints in reverse order. Where all of them begin with a number, they are renumbered, so that the
 * numbers don't tell the first order; a text of all of them together is left to the judge prompt to make.
 */
export function reversedItem(item: BenchmarkItem): BenchmarkItem {
  const numbered = /^\s*\d+(?=\s*[.、)）])/;
  const all = item.constraints.every(({ text }) => numbered.test(text));
  const constraints = [...item.constraints].reverse().map((constraint, i) =>
    all ? { ...constraint, text: constraint.text.replace(numbered, String(i + 1)) } : constraint
  );
  const { constraints: _together, ...fields } = item.fields;
  return { ...item, constraints, fields };
}

/** One judge's differences; exported for tests. */
export class EffectSums {
  readonly #judge: string;
  readonly #scale: number;
  readonly #values: number[] = [];
  readonly #weights: number[] = [];
  #constraints = 0;
  #unscored = 0;
  #same = 0;

  /**
   * Nothing yet.
   * @param judge Name
   * @param scale Scores run from 0 to this
   */
  constructor(judge: string, scale: number) {
    this.#judge = judge;
    this.#scale = scale;
  }

  /** Adds an answer: verdicts in the first order, and the same constraints' verdicts when they were asked in reverse. */
  add(first: readonly Verdict[], reversed: readonly Verdict[]): void {
    const last = first.length - 1;
    const moves: number[] = [], changes: number[] = [];
    for (const [i, verdict] of first.entries()) {
      const [a, b] = [verdict.score, reversed[i]?.score ?? null];
      if (a === null || b === null) {
        this.#unscored++;
        continue;
      }
      this.#constraints++;
      if ((a === this.#scale) === (b === this.#scale)) this.#same++;
      // from i / last to (last − i) / last
      moves.push((last - 2 * i) / last);
      changes.push((b - a) / this.#scale);
    }
    // within the answer: what changed all of its verdicts alike, such as another wording, isn't the place's doing
    const move = mean(moves), change = mean(changes);
    let value = 0, weight = 0;
    for (const i of moves.keys()) {
      value += (item(moves, i) - move) * (item(changes, i) - change);
      weight += (item(moves, i) - move) ** 2;
    }
    if (weight === 0) return;
    this.#values.push(value);
    this.#weights.push(weight);
  }

  /** Effect of places over all judged answers. @param seed Of the bootstrap */
  effect(seed: number): PlaceEffect {
    return {
      judge: this.#judge,
      effect: measured(this.#values, this.#weights, seed),
      same: this.#constraints === 0 ? null : this.#same / this.#constraints,
      constraints: this.#constraints,
      unscored: this.#unscored,
    };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
