/**
 * The number that a constraint, or a line about one, begins with: `2.`, `(2)`, `[2]`, `2、`, `#2`, `Constraint 2`, `第2条`.
 * @module
 */

const CHINESE_NUMBERS = "一二三四五六七八九十";
const WORD =
  "constraint|criterion|criteria|requirement|condition|rule|item|number|no|checkpoint|score|c|约束第|约束|要求|条件|检查点|第";
const LABEL = new RegExp(
  String.raw`^(?:[-*•·+] ?)?(?:(?:${WORD})[\s#_.:№-]{0,3}(\d{1,3})(?!\d)(?: ?[条項项个])?` +
    String.raw`|[([]?(\d{1,3}|[a-z]|[${CHINESE_NUMBERS}])(?:[)\]、]|[.:](?!\d)|$)|#(\d{1,3})(?!\d))`,
  "i",
);

/** A label, such as the `2` of `2. in capitals`, in digits or a letter, and where the text behind it begins. */
export interface LeadingNumber {
  /** The number or letter. */
  label: string;
  /** Length of the label with its signs. */
  length: number;
  /** True for `Constraint 2` and the like. */
  worded: boolean;
}

/** The label that a text begins with; undefined when there is none. */
export function labelOf(text: string): LeadingNumber | undefined {
  const found = LABEL.exec(text);
  const number = found?.[1] ?? found?.[2] ?? found?.[3];
  if (found === null || number === undefined) return undefined;
  const chinese = CHINESE_NUMBERS.indexOf(number);
  return {
    label: chinese < 0 ? number.toLowerCase() : String(chinese + 1),
    length: found[0].length,
    worded: found[1] !== undefined && !/^\W{0,2}score/i.test(found[0]),
  };
}

/** The text behind its label. */
export function withoutLabel(text: string): string {
  return text.slice(labelOf(text)?.length ?? 0).replace(/^[\s.:、)\]-]{1,4}/, "");
}
