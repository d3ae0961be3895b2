/**
 * Keys of a YAML file and of `key=value` arguments, read by a table: every one works, is ignored with a note, or is refused.
 * All faults are gathered and told at once, each with file and line. Shared by the tasks that take LLaMA-Factory's files.
 * @module
 */
import { bounded, shortened, shown } from "../../../formats/message.ts";
import { redact, redactValue } from "../../../formats/secrets.ts";
import { placeText, type YamlFile } from "../../../formats/yaml/yaml.ts";
import { type KnownWords, nearestUsable } from "./nearest_usable.ts";
import { readOverride, setNested } from "../../common/config/override.ts";
import type { Fault } from "./fault.ts";
import { type KeySpec, type KeyType, REQUIRED, type WorkingKey } from "./key.ts";
import { otherName } from "./other_names.ts";

/** Faults that a message tells. */
const MOST_FAULTS = 15;

/** A task's words in messages. */
export interface TaskWords {
  /** As in "Cannot train as ...". */
  verb: string;
  /** Keys that a file has at least, as in "give at least ...". */
  least: string;
  /** An argument, such as `learning_rate=5e-6`. */
  example: string;
}

/** A key as it was written. */
export interface Written {
  /** As YAML types it. */
  value: unknown;
  /** Text written without quotes. */
  plain: boolean;
  /** Where it was written, when not in the file. */
  place?: string;
}

/** Findings of {@linkcode readKeys}. */
export interface KeysRead {
  /** Of all keys that work: as written, or the default. Keys with a fault may be missing. */
  values: Record<string, unknown>;
  /** Wrong values, unknown, refused and missing keys. */
  faults: Fault[];
  /** Notes on ignored keys. */
  notes: string[];
  /** Where a key was written: `file:line:column`, or the argument; "" when it wasn't. */
  placeOf(key: string): string;
}

/**
 * Every key of the file with the arguments over it.
 * @throws {RangeError} If the file is empty or no map, or an argument isn't `key=value`
 */
export function writtenKeys(
  file: YamlFile,
  overrides: readonly string[],
  words: TaskWords,
): Map<string, Written> {
  const { value } = file, name = nameOf(file);
  if (value === undefined || value === null) {
    throw new RangeError(`Cannot ${words.verb} as ${name} is empty: give at least ${words.least}`);
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new RangeError(
      `Cannot read ${name} as it must be a map of keys to values: current value is ${
        Array.isArray(value) ? `a list. Data are named as dataset=${name}` : show(value)
      }`,
    );
  }
  const written = new Map<string, Written>();
  for (const [key, part] of Object.entries(value)) {
    written.set(key, { value: part, plain: file.isPlain([key]) });
  }
  for (const override of overrides) {
    const { key, value, plain, place } = readOverride(override, words.example);
    const [name = "", ...inner] = key.split(".");
    if (inner.length === 0) {
      written.set(name, { value, plain, place });
      continue;
    }
    const outer = { [name]: structuredClone(written.get(name)?.value ?? {}) };
    setNested(outer, { key, place }, value);
    written.set(name, { value: outer[name], plain: false, place });
  }
  return written;
}

/** Reads keys by a table; what is wrong with them is in the result. */
export function readKeys(
  file: YamlFile,
  written: ReadonlyMap<string, Written>,
  table: ReadonlyMap<string, KeySpec>,
  words: TaskWords,
): KeysRead {
  const name = nameOf(file);
  const faults: Fault[] = [];
  const read: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};
  const known = knownKeys(table);
  for (const [key, entry] of written) {
    const spec = table.get(key);
    // looking for a name that is near takes its time
    if (!spec) {
      faults.push({
        key,
        message: unknownKey(key, entry.value, faults.length < MOST_FAULTS ? known : NO_KEYS),
      });
    } else if (spec.state === "works") read[key] = readValue(key, spec, entry, faults);
    else if (spec.state === "refused") refuse(key, spec, entry.value, faults);
  }
  for (const [key, spec] of table) {
    if (spec.state !== "works") continue;
    if (key in read) values[key] = read[key];
    else if (spec.default !== REQUIRED) values[key] = spec.default;
    else {
      // axolotl's base_model is the model to train, ours the name that its adapter carries
      const also = key === "model_name_or_path" && written.has("base_model")
        ? "; base_model is only the name that the adapter carries"
        : "";
      faults.push({
        key,
        message: `Cannot ${words.verb} as ${key} is needed: ${spec.description}${also}`,
      });
    }
  }
  const placeOf = (key: string) => {
    const entry = written.get(key);
    return entry === undefined ? "" : entry.place ?? (placeText(file.place([key])) || name);
  };
  return { values, faults, notes: ignoredNotes([...written.keys()], table), placeOf };
}

/** @throws {RangeError} If there are faults; lists all of them */
export function throwFaults(
  file: YamlFile,
  faults: readonly Fault[],
  placeOf: (key: string) => string,
): void {
  if (faults.length === 0) return;
  const name = nameOf(file);
  const told = faults.slice(0, MOST_FAULTS).map((fault) => locate(fault, placeOf(fault.key), name));
  const left = faults.length - told.length;
  throw new RangeError(bounded([...told, ...left > 0 ? [`and ${left} more`] : []].join("\n")));
}

/** The file as messages name it. */
export function nameOf(file: YamlFile): string {
  return file.files[0] ?? "the configuration";
}

function readValue(key: string, spec: WorkingKey<unknown>, entry: Written, faults: Fault[]): unknown {
  const value = asBoolean(spec, entry);
  const refused = refusedValue(spec, value);
  if (refused) {
    faults.push({ key, message: `Cannot use ${key}: ${shortened(redact(String(value)))} as ${refused}` });
    return value;
  }
  const left = [value].flat().map((part) => leftAsWritten(key, part)).find((reason) => reason !== "");
  if (left !== undefined) {
    faults.push({ key, message: `Cannot use ${key}: ${show(value, key)} as ${left}` });
    return value;
  }
  const parsed = spec.type.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  faults.push({
    key,
    message: `Cannot read ${key} as ${spec.type.words} is needed: current value is ${show(value, key)}${
      valueHint(spec, value)
    }`,
  });
  return value;
}

/** Why a text can't be meant as it is written: LLaMA-Factory's loader, or a shell, would put something in. "" where it can. */
function leftAsWritten(key: string, value: unknown): string {
  if (typeof value !== "string") return "";
  if (/(?<!\\)\$\{/.test(value)) {
    return "nothing is put in for ${…} here, which LLaMA-Factory's loader does: write the value itself";
  }
  const start = key === "default_system" ? undefined : /^(?:~|\$\w+)(?=\/|$)/.exec(value)?.[0];
  return start === undefined ? "" : `nothing is put in for ${start} here: write the whole path`;
}

/** Probable meaning of a wrong text. */
function valueHint({ type, refused = {} }: WorkingKey<unknown>, value: unknown): string {
  if (typeof value === "number") return beyondHint(type, value);
  if (Array.isArray(value)) return wordHint(type, refused, value);
  if (typeof value !== "string") return "";
  const isNumber = value.trim() !== "" && Number.isFinite(Number(value));
  const isBoolean = Object.hasOwn(BOOLEANS, value.toLowerCase());
  if ((type.kind === "number" && isNumber) || (type.kind === "boolean" && isBoolean)) {
    return "; write it without quotes";
  }
  return wordHint(type, refused, value);
}

/** Of the first word that isn't known. */
function wordHint(
  { kind, values }: KeyType<unknown>,
  refused: Readonly<Record<string, string>>,
  value: unknown,
): string {
  if (values === undefined || (Array.isArray(value) && kind !== "list")) return "";
  const unknown = wordsOf(value).find((word) => !values.includes(word));
  return unknown === undefined ? "" : nearestUsable(unknown, { usable: values, refused });
}

/** The limit of whole numbers that a number is beyond, where it is that of their form, which the type's words leave out. */
function beyondHint({ limits: [smallest, largest] = [0, 0] }: KeyType<unknown>, value: number): string {
  if (value > largest && largest === Number.MAX_SAFE_INTEGER) return `; the largest is ${largest}`;
  return value < smallest && smallest === -Number.MAX_SAFE_INTEGER ? `; the smallest is ${smallest}` : "";
}

/** Words that YAML 1.1 reads as booleans where they stand without quotes; YAML 1.2 only the first two. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  yes: true,
  no: false,
  on: true,
  off: false,
};

/** LLaMA-Factory reads YAML 1.1, so unquoted yes, no, on and off are booleans there; here only where a boolean is meant. */
function asBoolean({ type }: WorkingKey<unknown>, { value, plain }: Written): unknown {
  if (typeof value !== "string" || !plain || type.kind !== "boolean") return value;
  const word = value.toLowerCase();
  return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : value;
}

/** Why a word that is known is refused, alone or in a list. */
function refusedValue({ refused = {} }: WorkingKey<unknown>, value: unknown): string | undefined {
  const hit = wordsOf(value).find((word) => Object.hasOwn(refused, word));
  return hit === undefined ? undefined : refused[hit];
}

/** The words of a text with commas, or of a list. */
function wordsOf(value: unknown): string[] {
  return [value].flat().flatMap((part) => typeof part === "string" ? part.split(",") : [])
    .map((word) => word.trim());
}

function refuse(key: string, spec: KeySpec & { state: "refused" }, value: unknown, faults: Fault[]): void {
  if (spec.accepted.some((accepted) => accepted === value)) return;
  faults.push({ key, message: `Cannot use ${key}: ${show(value, key)} as ${spec.reason}: ${spec.instead}` });
}

function ignoredNotes(keys: readonly string[], table: ReadonlyMap<string, KeySpec>): string[] {
  const byReason = new Map<string, string[]>();
  for (const key of keys) {
    const spec = table.get(key);
    if (spec?.state === "ignored") byReason.set(spec.reason, [...byReason.get(spec.reason) ?? [], key]);
  }
  return [...byReason].map(([reason, ignored]) => `${ignored.join(", ")}: not used, as ${reason}`);
}

const NO_KEYS: KnownWords = { usable: [], refused: {} };

function knownKeys(table: ReadonlyMap<string, KeySpec>): KnownWords {
  const refused: Record<string, string> = {};
  for (const [key, spec] of table) {
    if (spec.state === "refused") refused[key] = `${spec.reason}: ${spec.instead}`;
  }
  return { usable: [...table.keys()].filter((key) => !Object.hasOwn(refused, key)), refused };
}

function unknownKey(key: string, value: unknown, known: KnownWords): string {
  const hint = otherName(key, value) || nearestUsable(key, known) || "; --help lists every key";
  return `Cannot use the unknown key "${shortened(key)}"${hint}`;
}

function locate(fault: Fault, place: string, name: string): string {
  return `${place || name}: ${fault.message}`;
}

function show(value: unknown, key = ""): string {
  return value === null ? "nothing" : shown(redactValue(value, key));
}
