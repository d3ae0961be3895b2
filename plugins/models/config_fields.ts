/**
 * Typed access to the fields of a config.json, with errors that name them.
 * @module
 */
import { shown } from "../../formats/message.ts";

/** The fields of one object of a config.json. A field that is null counts as missing. */
export class ConfigFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #owner: string;
  readonly #prefix: string;

  /**
   * @param owner For messages: file and model, such as `model/config.json of a llama model`
   * @param prefix Of the names of a nested object, such as `rope_scaling.`
   */
  constructor(fields: Readonly<Record<string, unknown>>, owner: string, prefix = "") {
    this.#fields = fields;
    this.#owner = owner;
    this.#prefix = prefix;
  }

  /** True if there is no field. */
  get isEmpty(): boolean {
    return Object.keys(this.#fields).length === 0;
  }

  /** True if the field is there and isn't null. */
  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }

  /** True if the field is there, if only as null. */
  mentions(name: string): boolean {
    return name in this.#fields;
  }

  /**
   * A finite number.
   * @throws {RangeError} If it's missing and there is no `otherwise`, or it's something else.
   */
  number(name: string, otherwise?: number): number {
    return this.#read(name, otherwise, (value): value is number => Number.isFinite(value), "a number");
  }

  /**
   * A finite number above 0.
   * @throws {RangeError} If it's missing and there is no `otherwise`, or it's something else.
   */
  positive(name: string, otherwise?: number): number {
    const value = this.number(name, otherwise);
    if (!(value > 0)) throw this.unsupported(name, "it is to be above 0");
    return value;
  }

  /**
   * A count, from 1 to `limit` (default 2^31 - 1).
   * @throws {RangeError} If it's missing and there is no `otherwise`, or it's something else.
   */
  count(name: string, otherwise?: number, limit = 2 ** 31 - 1): number {
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
    const count = this.#read(name, otherwise, isCount, "a whole number above 0");
    if (count > limit) throw this.unsupported(name, `it is to be at most ${limit}`);
    return count;
  }

  /**
   * A truth value.
   * @throws {RangeError} If it's something else.
   */
  flag(name: string, otherwise: boolean): boolean {
    return this.#read(
      name,
      otherwise,
      (value): value is boolean => typeof value === "boolean",
      "true or false",
    );
  }

  /**
   * A text.
   * @throws {RangeError} If it's something else.
   */
  text(name: string, otherwise: string): string {
    return this.#read(name, otherwise, (value): value is string => typeof value === "string", "a text");
  }

  /**
   * A list of numbers.
   * @throws {RangeError} If it's missing or something else.
   */
  numbers(name: string): number[] {
    const areNumbers = (value: unknown): value is number[] =>
      Array.isArray(value) && value.every(Number.isFinite);
    return this.#read(name, undefined, areNumbers, "a list of numbers");
  }

  /**
   * A list of texts; null if missing.
   * @throws {RangeError} If it's something else.
   */
  texts(name: string): string[] | null {
    if (!this.has(name)) return null;
    const areTexts = (value: unknown): value is string[] =>
      Array.isArray(value) && value.every((item) => typeof item === "string");
    return this.#read(name, undefined, areTexts, "a list of texts");
  }

  /**
   * A nested object; null if missing.
   * @throws {RangeError} If it's something else.
   */
  object(name: string): ConfigFields | null {
    if (!this.has(name)) return null;
    const isObject = (value: unknown): value is Record<string, unknown> =>
      typeof value === "object" && !Array.isArray(value);
    const fields = this.#read(name, undefined, isObject, "an object");
    return new ConfigFields(fields, this.#owner, `${this.#prefix}${name}.`);
  }

  /**
   * Token ids: one, a list, or none.
   * @throws {RangeError} If it's something else.
   */
  ids(name: string): number[] {
    if (!this.has(name)) return [];
    const value = this.#fields[name];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.every((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0)) return list;
    throw this.unsupported(name, "it is to be a token id or a list of them");
  }

  /** An error that says what a field is and why it can't be used. */
  unsupported(name: string, why: string): RangeError {
    return this.fault(`${this.say(name)}; ${why}`);
  }

  /** An error about the whole. */
  fault(what: string): RangeError {
    return new RangeError(`Cannot use ${this.#owner}: ${what}`);
  }

  /** A field and its value, such as `head_dim is 7`. */
  say(name: string): string {
    return `${this.#prefix}${name} is ${shown(this.#fields[name])}`;
  }

  /**
   * Checks that two spellings of one setting agree where both are there.
   * @param same True if two values mean the same (default: the same JSON)
   * @throws {RangeError} If they don't; names both.
   */
  agree(
    name: string,
    other: ConfigFields,
    otherName: string,
    same: (a: unknown, b: unknown) => boolean = (a, b) => JSON.stringify(a) === JSON.stringify(b),
  ): void {
    if (!this.has(name) || !other.has(otherName)) return;
    if (same(this.#fields[name], other.#fields[otherName])) return;
    throw this.fault(
      `${this.say(name)} and ${other.say(otherName)}, two spellings of one setting: remove one`,
    );
  }

  #read<T>(name: string, otherwise: T | undefined, is: (value: unknown) => value is T, kind: string): T {
    const value = this.#fields[name];
    if (value === undefined || value === null) {
      if (otherwise !== undefined) return otherwise;
      throw this.fault(`the field ${this.#prefix}${name} is missing`);
    }
    if (!is(value)) throw this.unsupported(name, `it is to be ${kind}`);
    return value;
  }
}
