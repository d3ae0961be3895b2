/**
 * Arguments of all tasks: files, `key=value`, flags.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { shortened } from "../../../formats/message.ts";
import { redactArgument } from "../../../formats/secrets.ts";

/** A command line, taken apart. */
export interface Arguments {
  /** The file; undefined when none was named. */
  config: string | undefined;
  /** Everything that is neither a flag nor `key=value`, in order; the file first. */
  words: string[];
  /** `key=value` texts, in order. */
  overrides: string[];
  /** Flags that were given, without dashes. */
  flags: ReadonlySet<string>;
  /** Values of flags that have one, of one given again the last; "" where an optional one wasn't given. */
  values: ReadonlyMap<string, string>;
  /** All values of flags that need one, in order. */
  lists: ReadonlyMap<string, readonly string[]>;
}

/**
 * Takes a command line apart: files, `key=value`, flags.
 * @param known Flags and what they do. `"limit N"` needs a value (`--limit 3` or `--limit=3`), `"worse [SCORE]"` may have one:
 * behind `=`, or as the next word where there would otherwise be too many words
 * @param most Words at most
 * @param takesKeys False for a task without `key=value`, for messages
 * @throws {RangeError} If a flag is unknown, lacks its value or has one too many, or there are too many words
 */
export function parseArguments(
  args: readonly string[],
  known: Readonly<Record<string, string>>,
  most = 1,
  takesKeys = true,
): Arguments {
  const kinds = flagKinds(known);
  const overrides: string[] = [];
  const words: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  const take = (name: string, value: string) => {
    flags.add(name);
    values.set(name, value);
    lists.set(name, [...lists.get(name) ?? [], value]);
  };
  const optional: [flag: string, nextWord: number][] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (!arg.startsWith("-")) {
      if (/^[A-Za-z_][\w.-]*=/.test(arg)) overrides.push(arg);
      else words.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    const name = arg === "-h" ? "help" : arg.slice(0, equals < 0 ? arg.length : equals).replace(/^--/, "");
    const kind = arg === "-h" || arg.startsWith("--") ? kinds.get(name) : undefined;
    if (kind === undefined && arg !== "-h") {
      throw unknownFlag(arg, { name, known: [...kinds.keys()], most, takesKeys });
    }
    if (kind === "needed" && inline === undefined) {
      const next = args[++i];
      if (next === undefined || /^-(?![\d.])/.test(next)) {
        throw new RangeError(`Cannot use --${name} without a value: write --${name}=VALUE`);
      }
      take(name, next);
    } else if (inline !== undefined && kind !== "needed" && kind !== "optional") {
      throw new RangeError(`Cannot use ${shortened(redactArgument(arg))} as --${name} takes no value`);
    } else {
      if (kind === "needed" || kind === "optional") take(name, inline ?? "");
      else flags.add(name);
      if (kind === "optional" && inline === undefined && !(args[i + 1] ?? "-").startsWith("-")) {
        optional.push([name, words.length]);
      }
    }
  }
  for (const [name, index] of optional) {
    if (words.length > most) values.set(name, words.splice(index, 1)[0] ?? "");
  }
  if (words.length > most) throw tooManyWords(words, most, overrides);
  return { config: words[0], words, overrides, flags, values, lists };
}

type FlagKind = "none" | "needed" | "optional";

function flagKinds(known: Readonly<Record<string, string>>): Map<string, FlagKind> {
  return new Map(
    Object.keys(known).map((key) => {
      const [name = "", value] = key.split(" ");
      return [name, value === undefined ? "none" : value.startsWith("[") ? "optional" : "needed"];
    }),
  );
}

/** Flags by which other programs take what is a word here. */
const FILE_FLAGS = ["c", "config", "config_file", "f", "file"];

function unknownFlag(
  arg: string,
  { name, known, most, takesKeys }: {
    name: string;
    known: readonly string[];
    most: number;
    takesKeys: boolean;
  },
): RangeError {
  const plain = name.replaceAll("-", "_").replace(/^_+/, "");
  const advice = most > 0 && FILE_FLAGS.includes(plain)
    ? "; a file is named without a flag"
    : takesKeys && arg.startsWith("--")
    ? `; keys are written ${shortened(plain)}=VALUE`
    : "";
  return new RangeError(
    `Cannot use the unknown flag ${shortened(redactArgument(arg))}${
      didYouMean(name, known.map((flag) => `--${flag}`))
    }: flags are ${known.map((flag) => `--${flag}`).join(", ")}${advice}`,
  );
}

function tooManyWords(words: readonly string[], most: number, overrides: readonly string[]): RangeError {
  // key = value, key =value, key= value
  const equals = words.findIndex((word) => word.startsWith("="));
  const cut = overrides.find((override) => /^[^=]*=$/.test(override));
  const [key, value] = equals > 0
    ? [words[equals - 1], words[equals]?.slice(1) || words[equals + 1]]
    : [cut?.slice(0, -1), words.at(-1)];
  if (key !== undefined) {
    return new RangeError(
      `Cannot take ${shortened(words.join(" "))} as a key stands together with its value: write ${
        shortened(redactArgument(`${key}=${value ?? "VALUE"}`))
      } without blanks around =`,
    );
  }
  if (most === 0) {
    return new RangeError(
      `Cannot take ${shortened(words[0] ?? "")} as only flags are taken here: --help lists them`,
    );
  }
  return new RangeError(
    most === 1
      ? `Cannot take two files as one at most is needed: current value is ${words[0]} and ${words[1]}`
      : `Cannot take ${words.length} words as ${most} at most are needed: current value is ${
        words.join(" ")
      }`,
  );
}

/**
 * A flag's value as a whole number; undefined where the flag isn't given.
 * @param written How the argument is written
 * @throws {RangeError} If it isn't a whole number >= 0
 */
export function wholeNumber(
  { values }: Pick<Arguments, "values">,
  name: string,
  written = `--${name}`,
): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new RangeError(
    `Cannot read ${written} as a whole number >= 0: current value is ${text || "missing"}`,
  );
}

/**
 * The value of --port; `fallback` where it isn't given.
 * @throws {RangeError} If it isn't a whole number from 0 to 65535
 */
export function portNumber(given: Pick<Arguments, "values">, fallback: number): number {
  const port = wholeNumber(given, "port") ?? fallback;
  if (port <= 65535) return port;
  throw new RangeError(`Cannot listen at port ${port}: the largest is 65535`);
}
