/**
 * Texts of `--help` within 80 columns: of a whole task, or of one flag or key of it.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { exists } from "../../../formats/exists.ts";
import { shown } from "../../../formats/message.ts";
import type { Arguments } from "./arguments.ts";
import { usage } from "./help_lines.ts";
import { entryLines, HELP_WIDTH } from "./help_lines.ts";
import { wrapped } from "../report/table.ts";

/** Keys of a task's file. */
export interface HelpKeys {
  /** Where they stand in the file. */
  section: string;
  /** Each with what it does. */
  texts: Readonly<Record<string, string>>;
}

/**
 * The word that `--help` is asked about; "" for none. A word behind `--help` is taken for the task's own as long as there is no
 * other, and one that can be a file is the task's own.
 * @param own Names that the task takes in place of a file
 */
export function helpTopic(
  { values, words }: Pick<Arguments, "values" | "words">,
  own: readonly string[] = [],
): string {
  const topic = values.get("help") || (words.length === 1 ? words[0] ?? "" : "");
  return /[./\\]/.test(topic) || own.includes(topic) || exists(topic) ? "" : topic;
}

/**
 * A task's help, or what it says of one flag or key.
 * @param topic "" for usage, flags and names of keys; `all` for every flag and key; else a flag or key
 * @param common Names of the flags that "" tells of, where all of them would be more than a screen; else it tells of all
 * @throws {RangeError} If there is no such flag or key; says which is near
 */
export function taskHelp(
  topic: string,
  lines: readonly string[],
  flags: Readonly<Record<string, string>>,
  { keys, common }: { keys?: HelpKeys; common?: readonly string[] } = {},
): string {
  const texts = keys?.texts ?? {};
  const whole = usage(lines, flags);
  if (topic === "") {
    const entries = Object.entries(flags),
      isShown = ([flag]: [string, string]) => common?.includes(nameOf(flag)) ?? true;
    const others = entries.filter((entry) => !isShown(entry)).map(([flag]) => `--${nameOf(flag)}`);
    return [
      usage(lines, Object.fromEntries(entries.filter(isShown))),
      ...others.length === 0
        ? []
        : ["", "More flags (--help FLAG tells of one, --help all of each)", ...namedLines(others)],
      ...keys === undefined ? [] : [
        "",
        `Keys under ${keys.section} (--help KEY tells of one, --help all of each)`,
        ...namedLines(Object.keys(texts)),
      ],
    ].join("\n");
  }
  if (topic === "all") {
    return [whole, ...keys ? ["", `Keys under ${keys.section}`, ...entryLines(texts)] : []].join("\n");
  }
  const flag = Object.entries(flags).find(([name]) => nameOf(name) === topic);
  const text = texts[topic];
  if (flag === undefined && text === undefined) {
    const known = [...Object.keys(texts), ...Object.keys(flags).map(nameOf)];
    throw new RangeError(
      `Cannot tell of ${shown(topic)}${didYouMean(topic, known)}: --help lists ${
        keys ? "keys and flags" : "the flags"
      }`,
    );
  }
  return entryLines({ ...flag && { [`--${flag[0]}`]: flag[1] }, ...text !== undefined && { [topic]: text } })
    .map((line) => line.slice(2)).join("\n");
}

/** A flag without its value. */
function nameOf(flag: string): string {
  return flag.split(" ")[0] ?? "";
}

/** Names with commas, as indented lines. */
export function namedLines(names: readonly string[]): string[] {
  const words = names.map((name, i) => i + 1 < names.length ? `${name},` : name);
  return wrapped(words, HELP_WIDTH - 2, "").map((line) => `  ${line}`);
}
