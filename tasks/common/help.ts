/**
 * Texts of `--help` within 80 columns: of a whole task, or of one flag or key of it.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import { exists } from "../../formats/exists.ts";
import { shown } from "../../formats/message.ts";
import { type Arguments, usage } from "./cli.ts";
import { entryLines, HELP_WIDTH } from "./help_lines.ts";
import { wrapped } from "./table.ts";

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
 * @param topic "" for usage, flags and names of keys; `all` for every key; else a flag or key
 * @throws {RangeError} If there is no such flag or key; says which is near
 */
export function taskHelp(
  topic: string,
  lines: readonly string[],
  flags: Readonly<Record<string, string>>,
  keys?: HelpKeys,
): string {
  const texts = keys?.texts ?? {};
  const whole = usage(lines, flags);
  if (topic === "" && keys !== undefined) {
    const names = wrapped(
      Object.keys(texts).map((name, i, all) => i + 1 < all.length ? `${name},` : name),
      HELP_WIDTH - 2,
      "",
    );
    return [
      whole,
      "",
      `Keys under ${keys.section} (--help KEY tells of one, --help all of each)`,
      ...names.map((l) => `  ${l}`),
    ]
      .join("\n");
  }
  if (topic === "") return whole;
  if (topic === "all") {
    return [whole, ...keys ? ["", `Keys under ${keys.section}`, ...entryLines(texts)] : []].join("\n");
  }
  const flag = Object.entries(flags).find(([name]) => name.split(" ")[0] === topic);
  const text = texts[topic];
  if (flag === undefined && text === undefined) {
    const known = [...Object.keys(texts), ...Object.keys(flags).map((name) => name.split(" ")[0] ?? "")];
    throw new RangeError(
      `Cannot tell of ${shown(topic)}${didYouMean(topic, known)}: --help lists ${
        keys ? "keys and flags" : "the flags"
      }`,
    );
  }
  return entryLines({ ...flag && { [`--${flag[0]}`]: flag[1] }, ...text !== undefined && { [topic]: text } })
    .map((line) => line.slice(2)).join("\n");
}
