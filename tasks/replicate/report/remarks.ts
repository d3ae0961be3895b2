/**
 * Sentences about a replication that a reader of its table must know: above all what speaks against the paper's claim.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { Replication } from "../run.ts";
import { distinctEvaluations, MEASURES } from "../scores.ts";
import { inPercent, IOPO, type Numbers, points, rateText } from "./tables.ts";

/** Remarks on a replication's numbers, a sentence each. */
export function remarksOf(replication: Replication, numbers: Numbers): string[] {
  return [
    ...rankRemarks(numbers),
    ...differenceRemarks(numbers),
    ...tuningRemarks(replication),
    ...unscoredRemarks(replication),
    ...sizeRemarks(replication),
    ...replication.items.notes,
  ];
}

function rankRemarks({ rows }: Numbers): string[] {
  return MEASURES.map(({ title }, i) => {
    const values = rows.map(({ method, cells }) => ({ title: method.title, value: item(cells, i).value }));
    const top = Math.max(...values.map(({ value }) => value));
    const best = values.filter(({ value }) => value === top).map((one) => one.title);
    const own = values.find((one) => one.title === IOPO)?.value ?? 0;
    if (own === top) {
      return best.length === 1
        ? `${title}: ${IOPO} is highest with ${inPercent(own)}.`
        : `${title}: ${IOPO} shares the highest value, ${inPercent(own)}, with ${
          best.filter((one) => one !== IOPO).join(", ")
        }.`;
    }
    return `${title}: ${IOPO} doesn't win; ${best.join(", ")} ${best.length === 1 ? "has" : "have"} ${
      inPercent(top)
    }, ${IOPO} ${inPercent(own)}.`;
  });
}

/** Differences that an interval can't tell from nothing, and those below zero. */
function differenceRemarks({ against }: Numbers): string[] {
  const open: string[] = [], worse: string[] = [], better: string[] = [];
  for (const { other, differences } of against) {
    for (const [i, { difference, interval }] of differences.entries()) {
      const name = `${other} (${item(MEASURES, i).title})`;
      if (interval === null || (interval[0] <= 0 && interval[1] >= 0)) open.push(name);
      else if (difference < 0) worse.push(`${name}, ${points(difference)}`);
      else better.push(`${name}, ${points(difference)}`);
    }
  }
  const all = against.length * MEASURES.length;
  return [
    `${open.length} of ${all} differences have an interval that holds 0: ${
      open.length === all ? "no method can be told from another by them" : "they say nothing either way"
    }.`,
    ...worse.length > 0 ? [`${IOPO} is worse, with an interval below 0: ${worse.join("; ")}.`] : [],
    ...better.length > 0 ? [`${IOPO} is better, with an interval above 0: ${better.join("; ")}.`] : [],
    `${all} intervals are looked at, so that about one in twenty lies beside its truth by chance alone; none is corrected for that.`,
  ];
}

function tuningRemarks({ tried, config }: Replication): string[] {
  const ends = tried.filter(({ arm, chosen }) => {
    const rates = config.learning_rates[arm.method.rates];
    return chosen && rates.length > 1 && (arm.rate === rates[0] || arm.rate === rates.at(-1));
  });
  return ends.length === 0 ? [] : [
    `The chosen rate is at an end of those that were tried, so a better one may lie beyond: ${
      ends.map(({ arm }) => `${arm.method.title} ${rateText(arm.rate)}`).join(", ")
    }.`,
  ];
}

/** Answers without a verdict, which lower a score as broken ones do. */
function unscoredRemarks({ methods, tried }: Replication): string[] {
  const ofMethods = methods.map((method) => ({
    title: method.title,
    unscored: distinctEvaluations(method).reduce((sum, one) => sum + one.unscored, 0),
  }));
  const ofTried = tried.map(({ arm, unscored }) => ({
    title: `${arm.method.title} ${rateText(arm.rate)}`,
    unscored,
  }));
  const sets = [["test", ofMethods], ["validation", ofTried]] as const;
  return sets.flatMap(([what, all]) => {
    const some = all.filter(({ unscored }) => unscored > 0);
    if (some.length === 0) return [];
    const sum = some.reduce((all, { unscored }) => all + unscored, 0);
    return [
      `${sum} ${what} ${sum === 1 ? "answer has" : "answers have"} no verdict and ${
        sum === 1 ? "counts" : "count"
      } as not followed, constraints without one as not kept: ${
        some.map(({ title, unscored }) => `${title} ${unscored}`).join(", ")
      }.`,
    ];
  });
}

function sizeRemarks({ config, items, methods }: Replication): string[] {
  const { train, validation, test } = items;
  const same = train.filter(({ worse, y2 }) => worse === y2).length;
  const evaluations = methods.flatMap(distinctEvaluations);
  const cut = evaluations.reduce((sum, one) => sum + one.cut, 0);
  const answers = evaluations.reduce((sum, one) => sum + one.items.size, 0);
  const few = config.seeds.length === 1
    ? "one seed, so that the intervals say nothing of another order or start of training"
    : `${config.seeds.length} seeds`;
  return [
    `${train.length} quadruples of training, ${validation.length} of validation, ${test.length} test instructions; ${few}.`,
    `Every method starts from the same model; the paper's IOPO starts from one that was tuned by SFT on its data.`,
    ...same > 0
      ? [
        `DPO's rejected answer is y2 itself in ${same} of ${train.length} quadruples, as no other broken answer was at hand: there it learns what IOPO without the input preference learns of x1.`,
      ]
      : [],
    ...cut > 0
      ? [`${cut} of ${answers} test answers were cut at ${config.max_tokens} tokens and judged as they are.`]
      : [],
  ];
}
