/**
 * The scores of the lines that a judge wrote instead of JSON: numbered lists, bullets, tables, a heading per constraint.
 * @module
 */
import { labelOf, withoutLabel } from "./label.ts";
import type { LineScore } from "./line_names.ts";
import { lineScore } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { withoutOrdinals } from "./ordinals.ts";
import { OWN, OWN_AT } from "./own_texts.ts";
import { takenBackBelow } from "./taken_back.ts";
import { tableCells, type TableHead, tableScores } from "./table_scores.ts";

/** Where a fenced block begins or ends. */
const FENCE = /^\s?\x60{3,}[a-z]{0,12}\s?$/i;

/** The scores of a text's lines, in order; `text` is folded (plain_text.ts), its constraints are hidden (own_texts.ts). */
export function lineScores(text: string, scale: number): NamedScore[] {
  const lines = text.split("\n").map((line) => FENCE.test(line) ? "" : line.replace(/[*\x60]/g, "").trim());
  const list = new LineList();
  let rows: string[][] = [];
  let head: TableHead | undefined;
  for (const [i, line] of lines.entries()) {
    const isLast = i === lines.length - 1;
    if (/^<\/?[\w-]{1,40}>$/.test(line) && !isLast) continue;
    if (line.includes("|")) rows.push(tableCells(line));
    if (rows.length > 0 && (isLast || !(line.includes("|") || line === ""))) {
      const table = tableScores(rows, scale, isLast && line.includes("|") && !line.endsWith("|"), head);
      head = table.head;
      list.addRows(table.scores);
      rows = [];
    }
    list.doubt(line, scale);
    if (line !== "" && !line.includes("|")) list.add(line, lineScore(isLast ? line : `${line}\n`, scale));
  }
  return list.end();
}

/** How surely a line names a constraint: 2 by its text or as `Constraint 2`, 1 by a number, 0 not. */
type Strength = 0 | 1 | 2;

function strengthOf(line: string): Strength {
  const body = line.replace(/^(?:[-•·+>] ?|#{1,6} ?(?!\d))/, "");
  const label = labelOf(body);
  if (OWN_AT.test(body) || label?.worded) return 2;
  // `(4)` and `(4) (a remark)` can be scores
  return label !== undefined && /^\d/.test(label.label) && /^["'“]?\p{L}/u.test(withoutLabel(body)) ? 1 : 0;
}

/** A line without a score that is long and no item of a list: it can be a remark. */
function canBeRemark(line: string): boolean {
  return /[:：]$/.test(line) || (line.length > 24 && !/^[-•·+] /.test(line));
}

const SCORE_WORD_FIRST = /^[-• ]{0,3}(?:final )?(?:score|rating|得分|评分|分数) ?[:=]/i;
const BEHIND_OWN = new RegExp(`${OWN}(.*)$`);

/** A number behind a constraint's own text and a sign, as scores stand. */
const NUMBERED = new RegExp(
  String.raw`${OWN}["'”’;.,。!]{0,3}\s?(?:[:=→⇒—–(|-]|\s-)[^\n:]{0,24}\d[^\n:]{0,24}$`,
);

type Entry = LineScore & {
  remark?: boolean;
  /** True for a score that stands alone below the line that names its constraint. */
  below?: boolean;
};

class LineList {
  readonly #entries: Entry[] = [];
  /** A line that names a constraint; it follows another one that has no score. */
  #heading: { line: string; strength: Strength; follows: boolean } | undefined;
  #between = false;
  /** Index of the last entry with a name. */
  #named: number | undefined;
  /** True if a score without a name came before all names: then such numbers can be those of the lines below. */
  #numberFirst = false;
  /** Index of the entry whose score the line below corrects. */
  #corrected: number | undefined;
  #lines = 0;

  addRows(scores: readonly NamedScore[]): void {
    this.#leave();
    for (const score of scores) this.#push(score);
  }

  /** Notes a line that corrects the score above it. Behind the last entry it can be the overall score. */
  doubt(line: string, scale: number): void {
    const last = this.#entries.at(-1), score = last?.verdict.score ?? null;
    if (score !== null && takenBackBelow(line, score, scale)) this.#corrected = this.#entries.length - 1;
  }

  add(line: string, found: LineScore | undefined): void {
    const strength = strengthOf(line);
    this.#lines++;
    if (strength > 0) this.#giveUp();
    if (found === undefined) {
      if (this.#heading === undefined || (strength > 0 && strength >= this.#heading.strength)) {
        const follows = this.#heading !== undefined && this.#heading.strength > 0 && !this.#between;
        this.#leave();
        this.#heading = { line, strength, follows };
        this.#between = false;
        return;
      }
      this.#between = true;
      this.#push({ ...unread(), remark: canBeRemark(line) });
      return;
    }
    this.#between = true;
    if (found.names.length === 0 && this.#heading !== undefined && this.#takes(found)) {
      // the line above can be a remark on the entry before it
      if (this.#heading.strength === 0) this.#doubtBy(found);
      this.#push({ ...found, names: [this.#heading.line], below: true });
      this.#heading = undefined;
      return;
    }
    // a count below a constraint doesn't end what is said of it
    if (found.names.length === 0 || strength > 0 || this.#heading?.strength === 0) this.#leave();
    if (found.names.length === 0) this.#doubtBy(found);
    this.#push(found);
  }

  /** Notes a score without a name below an entry that has another one: which of the two is meant isn't told. */
  #doubtBy({ verdict: { score } }: LineScore): void {
    if (this.#named === undefined || this.#numberFirst || score === null) return;
    const above = this.#entries[this.#named]?.verdict.score ?? null;
    if (above !== null && above !== score) this.#corrected = this.#named;
  }

  #push(entry: Entry): void {
    if (entry.names.length > 0) this.#named = this.#entries.length;
    else if (this.#named === undefined && entry.verdict.score !== null) this.#numberFirst = true;
    this.#entries.push(entry);
  }

  /** True if a score without a name belongs to the line above. */
  #takes(found: LineScore): boolean {
    const { worded = false } = found;
    if (this.#heading === undefined || this.#heading.strength === 0 || this.#heading.follows) {
      return worded && this.#heading?.strength === 0 && labelOf(this.#heading.line) === undefined;
    }
    if (this.#between && !worded) return false;
    // `2. good` and `3.10` are two entries of a list
    if (found.ordinal?.part && Number(labelOf(this.#heading.line)?.label) + 1 === found.ordinal.whole) {
      return false;
    }
    const behind = BEHIND_OWN.exec(this.#heading.line)?.[1] ?? "";
    return worded || !/[\p{L}\d✓✗]/u.test(behind);
  }

  end(): NamedScore[] {
    this.#leave();
    const above = this.#namesBelow();
    const entries: Entry[] = withoutOrdinals(this.#entries, this.#lines)
      .map((entry: Entry) => above && entry.below ? unread(...entry.names) : entry);
    const first = entries.findIndex(({ unread }) => unread !== true);
    const last = entries.findLastIndex(({ unread }) => unread !== true);
    // remarks in front of all scores and behind them leave none out
    return entries.flatMap(({ remark, ...score }, i) =>
      remark === true && (i < first || i > last) ? [] : [score]
    );
  }

  /** True if names can stand below their scores: a score alone comes first, and the last name has none. */
  #namesBelow(): boolean {
    const own = this.#entries.filter(({ remark, worded }) => remark !== true || worded);
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || (first.unread === true && first.worded !== true)) return false;
    return first.names.every((name) => SCORE_WORD_FIRST.test(`${name}:`)) && last?.unread === true &&
      last.names.length > 0;
  }

  /** Another constraint follows: the score that a line below it corrected is none. */
  #giveUp(): void {
    const corrected = this.#corrected === undefined ? undefined : this.#entries[this.#corrected];
    if (this.#corrected !== undefined && corrected !== undefined) {
      this.#entries[this.#corrected] = unread(...corrected.names);
    }
    this.#corrected = undefined;
  }

  /** Ends what a heading began: it has no score. */
  #leave(): void {
    if (this.#heading === undefined) return;
    const { line, strength } = this.#heading;
    this.#push(
      strength > 0
        ? { ...unread(line), numbered: NUMBERED.test(line) }
        : { ...unread(), remark: canBeRemark(line), ...(SCORE_WORD_FIRST.test(line) && { worded: true }) },
    );
    this.#heading = undefined;
  }
}
