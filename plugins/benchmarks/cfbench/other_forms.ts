/**
 * Judgements in another form than entries with a tab: a colon, a dash, a table, JSON. Such forms are everywhere, so an answer counts only
 * when it is nothing else: as many entries as criteria, each with the text of its own, in their order.
 * @module
 */
import { readRelaxedJson, type Relaxed } from "../trace/reading/relaxed_json.ts";
import { OWN, OwnTexts } from "../trace/reading/own_texts.ts";
import { foldJudgeText } from "../trace/reading/plain_text.ts";
import { saysNoScore } from "../trace/reading/prose/remarks.ts";

/** A number, bullet or heading sign in front of an entry. */
const LABEL = String
  .raw`(?:[-*•] ?|#{1,6} )?(?:\(?\d{1,3}[.)、:] ?|(?:检查点|考察点|标准|criterion) ?\d{1,3} ?[.:、] ?)?`;
const VALUE = String
  .raw`[*\x60"“[(]{0,3}(?:(?:得分|评分|打分|结果|score) ?: ?)?[*\x60"“[(]{0,3}([01])(?:\.0)?(?: ?分)?[*\x60"”\])]{0,3}`;
const ENTRY = new RegExp(
  String.raw`^${LABEL}[*"“「]{0,3}(${OWN})[*"”」]{0,3} ?(?::|->|=>|→|=|—|–|-(?= )) ?${VALUE}[.。;,]?$`,
  "i",
);
const ROW = new RegExp(
  String.raw`^(?:\d{1,3}[.)、]?\|)?${LABEL}[*"“「]{0,3}(${OWN})[*"”」]{0,3}\|${VALUE}$`,
  "i",
);
/** The head of a table of criteria, and the rule below it. */
const HEAD =
  /^(?:(?:#|序号|编号|no\.?)\|)?(?:检查点|考察点|标准|要求|内容|criteri(?:on|a)|checkpoints?|constraints?)\|(?:得分|评分|打分|结果|分数|scores?|result)$/i;
const FENCE = /^\x60{3,}[a-z]{0,12}$/i;

/**
 * The scores of an answer that is nothing but such entries, in the criteria's order.
 * @returns undefined when anything differs.
 */
export function readOtherForms(text: string, criteria: readonly string[]): number[] | undefined {
  const own = new OwnTexts(criteria.map((criterion) => foldJudgeText(criterion)));
  const hidden = own.hide(foldJudgeText(text));
  const lines = hidden.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !FENCE.test(line)
  );
  const entries = jsonEntries(lines.join("\n")) ?? lineEntries(lines);
  if (entries?.length !== criteria.length) return undefined;
  const fits = entries.every(([name], i) => {
    const whole = own.hide(foldJudgeText(criteria[i] ?? "")).trim();
    const [wanted] = new RegExp(OWN).exec(whole) ?? [];
    return wanted !== undefined && (name.trim() === whole || NAME.exec(name.trim())?.[1] === wanted);
  });
  return fits ? entries.map(([, score]) => score) : undefined;
}

/** A criterion's text with its number, and nothing else: "not met: …" isn't one. */
const NAME = new RegExp(String.raw`^${LABEL}[*"“「[]{0,3}(${OWN})[*"”」\].。;,:!…]{0,4}$`, "i");

/** A line that could be an entry, or a part of one, of such an answer; JSON may have the score in a line of its own. */
const PART = new RegExp(
  [
    String.raw`${OWN}["”’']{0,2} ?[:,|] ?["“]?[01]\b`,
    String.raw`["“](?:score|result|得分|评分|打分|结果|分数)["”] ?: ?["“]?[01]\b`,
    String.raw`^[\s:,"“]{0,8}[01](?:\.0)?[\s,"”}\]]{0,8}$`,
  ].join("|"),
  "i",
);

/**
 * A response in which no line is an entry: " (quoted)" stands behind each that a judge which repeats it would have judged by. Lines that
 * name none of the criteria stay, but for fields of a score and lone ones where another line names one.
 */
export function markEntries(response: string, criteria: readonly string[]): string {
  const texts = criteria.map((criterion) => foldJudgeText(criterion).trim());
  if (!new RegExp(OWN).test(new OwnTexts(texts).hide(foldJudgeText(response)))) return response;
  // of a criterion of several lines the score stands behind the last one
  const own = new OwnTexts([...texts, ...texts.map((text) => text.split("\n").at(-1) ?? "")]);
  return response.split("\n").map((line) => {
    const hidden = own.hide(foldJudgeText(line)).trim();
    const cells = hidden.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()).join("|");
    return ENTRY.test(hidden) || ROW.test(cells) || PART.test(hidden) ? `${line} (quoted)` : line;
  }).join("\n");
}

type Scored = [name: string, score: number];

function lineEntries(lines: readonly string[]): Scored[] | undefined {
  const entries: Scored[] = [];
  for (const line of lines) {
    const cells = line.includes("|")
      ? line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim())
      : undefined;
    if (cells !== undefined && entries.length === 0 && HEAD.test(cells.join("|"))) continue;
    if (cells?.every((cell) => /^:?-{2,}:?$/.test(cell))) continue;
    const [, name, score] = (cells === undefined ? ENTRY.exec(line) : ROW.exec(cells.join("|"))) ?? [];
    if (name === undefined) return undefined;
    entries.push([name, Number(score)]);
  }
  return entries;
}

/** The entries of JSON: a map of texts and scores, a map each, or maps with a field for either. */
function jsonEntries(text: string): Scored[] | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  const json = readRelaxedJson(text, 0);
  if (json === undefined || json.open || text.slice(json.end).trim() !== "") return undefined;
  return entriesOf(json.value);
}

const TEXT_KEY = /^(?:criterion|criteria|checkpoint|constraint|text|item|检查点|考察点|标准|要求|内容)$/i;
const SCORE_KEY = /^(?:score|result|得分|评分|打分|结果|分数)$/i;

function entriesOf(value: Relaxed): Scored[] | undefined {
  if (value.kind === "list") {
    const lists = value.items.map(entriesOf);
    return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
  }
  if (value.kind !== "map") return undefined;
  const named = value.pairs.filter(([key]) => TEXT_KEY.test(key.trim()));
  const scored = value.pairs.filter(([key]) => SCORE_KEY.test(key.trim()));
  const [name, score] = [named[0]?.[1], scored[0]?.[1]];
  if (named.length === 1 && scored.length === 1 && name?.kind === "text") {
    const number = score === undefined ? undefined : zeroOrOne(score);
    const others = value.pairs.filter(([key]) => !TEXT_KEY.test(key.trim()) && !SCORE_KEY.test(key.trim()));
    return number === undefined || !others.every(isBeside) ? undefined : [[name.text, number]];
  }
  const pairs = value.pairs.map(([key, inner]): [string, number | undefined] => [key, zeroOrOne(inner)]);
  return pairs.every((pair): pair is Scored => pair[1] !== undefined) ? pairs : undefined;
}

const BESIDE_KEY =
  /^(?:#|no\.?|number|id|index|序号|编号|type|priority|类型|优先级|reason|explanation|comment|理由|原因|说明|解释)$/i;

/** True for a field beside criterion and score that can't say another score. */
function isBeside([key, value]: readonly [string, Relaxed]): boolean {
  return BESIDE_KEY.test(key.trim()) && value.kind === "text" &&
    saysNoScore(value.text.replace(/^\d{1,3}$/, ""));
}

function zeroOrOne(value: Relaxed): number | undefined {
  return value.kind === "text" && /^[01](?:\.0)?$/.test(value.text.trim()) ? Number(value.text) : undefined;
}
