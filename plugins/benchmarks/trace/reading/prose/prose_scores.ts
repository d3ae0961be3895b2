/**
 * The scores that a judge told in sentences below their heading. All or nothing: each sentence gives a constraint its score, or
 * holds nothing that could be one; otherwise nothing is read.
 * @module
 */
import { labelOf, withoutLabel } from "../label.ts";
import { type NamedScore, unread } from "../named_scores.ts";
import { OWN_AT } from "../own_texts.ts";
import { ENDS, namesOf, referencesIn, withoutReferences } from "./references.ts";
import { saysNoScore } from "./remarks.ts";
import { statementOf } from "./statements.ts";

const MARKS = /^\s?(?:(?:[-•·+>] ?|#{1,6} ?)(?!\d)){0,2}/;
/** Between parts that may be told of one constraint each. */
const PARTS =
  /(?:,(?! ?(?:so|thus|hence|therefore|because|since|as|due)\b)|、|;)(?: ?and\b)? ?|\s+and (?=the |constraint |\d)/i;
/** In order: `The scores are 10, 8 and 0, respectively`. */
const IN_ORDER =
  /^(?:(?:the|my) )?(?:scores|ratings)(?: (?:for|of) the (?:\w+ )?constraints)?(?: are|:)(?: in order)?:? (?<list>[\d./, ]{1,120}?(?:,? and [\d./]{1,5})?)(?:,? (?:respectively|in (?:that|this) order))?\.?\s*$/i;
const CHINESE_IN_ORDER =
  /^(?:各[条項项](?:约束)?的?)?(?:评分|得分|分数)?(?:分别|依次)(?:给|打|得|为|是|得分为?|评分为?)(?<list>[\d./, 、分和]{1,120})。?\s*$/;
/** What shows that a text tells its scores: the verbs that statements have. */
const TELLS =
  /\b(?:give|gives|assign|award|rate|gets?|got|receives?|earns?|scores?|deserves?|merits|scores (?:are|for)|score (?:is|of|for))\b|\d ?(?:\/ ?10 )?for (?:the|constraint)|给|打|得|评|分别|依次/i;

/**
 * The scores of a region.
 * @param region Folded, its constraints hidden; it ends with a line break unless the whole text ends with it.
 * @returns undefined when it isn't told in sentences, or has one whose number isn't understood.
 */
export function proseScores(region: string, scale: number): NamedScore[] | undefined {
  if (!TELLS.test(region) || /[|{}<]/.test(region)) return undefined;
  const scores: NamedScore[] = [];
  let subject: readonly string[] | undefined;
  const lines = region.split("\n").map((line) => line.replace(/[*\x60]/g, "").trim());
  for (const [i, line] of lines.entries()) {
    if (line === "") continue;
    const end = i === lines.length - 1 ? "" : "\n";
    const { names, text } = labelled(line.replace(MARKS, "").trim());
    if (names !== undefined) subject = names;
    const sentences = text.split(ENDS);
    for (const [nth, sentence] of sentences.entries()) {
      const isLast = nth === sentences.length - 1;
      const found = told(sentence + (isLast ? end : "\n"), scale, subject);
      if (found !== undefined) {
        scores.push(...found);
        subject = undefined;
        continue;
      }
      if (!saysNoScore(withoutReferences(sentence))) return undefined;
      const [named, ...more] = referencesIn(sentence);
      if (more.length > 0) return undefined;
      if (named !== undefined) subject = sentence.startsWith(named) ? namesOf(named) : undefined;
      else if (nth > 0) subject = undefined;
    }
  }
  return scores.length > 0 ? agreed(scores) : undefined;
}

/** The statement of a sentence, or one of each of its parts. */
function told(
  sentence: string,
  scale: number,
  subject: readonly string[] | undefined,
): NamedScore[] | undefined {
  const { list } = (IN_ORDER.exec(sentence) ?? CHINESE_IN_ORDER.exec(sentence))?.groups ?? {};
  if (list !== undefined) return inOrder(list, scale);
  const whole = statementOf(sentence, scale, { subject });
  if (whole !== undefined) return [whole];
  const parts = sentence.trimEnd().split(PARTS);
  if (parts.length < 2) return undefined;
  const end = sentence.endsWith("\n") ? "\n" : "";
  const scores = parts.map((part, i) =>
    statementOf(part + (i === parts.length - 1 ? end : "\n"), scale, { listed: i > 0 })
  );
  return scores.every((score) => score !== undefined) ? scores : undefined;
}

function inOrder(list: string, scale: number): NamedScore[] | undefined {
  const scores = list.split(/,? and |[,、和]/).map((part) =>
    statementOf(`score: ${part.trim()}\n`, scale, { subject: [] })
  );
  return scores.length > 1 && scores.every((score) => score !== undefined) ? scores : undefined;
}

/** A line's own number and text, as what the line speaks of. */
function labelled(line: string): { names?: readonly string[]; text: string } {
  const label = /^[([#]?[\d一二三四五六七八九十]/.test(line) ? labelOf(line) : undefined;
  if (label === undefined) {
    return OWN_AT.test(line.slice(0, 2)) && !/\d/.test(line) ? { names: [line], text: line } : { text: line };
  }
  const text = withoutLabel(line);
  if (text === "") return { text: line };
  return { names: OWN_AT.test(text.slice(0, 2)) ? [line] : [`Constraint ${label.label}`], text };
}

/** The scores; a constraint with two that differ has none, since it isn't said which holds. */
function agreed(scores: readonly NamedScore[]): NamedScore[] {
  const given = new Map<string, Set<number | null>>();
  for (const { names, verdict } of scores) {
    const name = names.at(-1) ?? "";
    given.set(name, (given.get(name) ?? new Set()).add(verdict.score));
  }
  return scores.map((score) => {
    const differ = score.names.length > 0 && (given.get(score.names.at(-1) ?? "")?.size ?? 0) > 1;
    return differ ? { ...unread(...score.names), numbered: true } : score;
  });
}
