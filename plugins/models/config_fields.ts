/**
 * Typed access to the fields of a config.json, with errors that name them.
 * @module
 */

/** The fields of one object of a config.json. A field that is null counts as missing. */
export class ConfigFields {
  /** What the config is of, for messages, such as `a llama model`. */
  readonly what: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @param what For messages, such as `a llama model`. */
  constructor(fields: Readonly<Record<string, unknown>>, what: string) {
    this.#fields = fields;
    this.what = what;
  }

  /** Whether the field is there and isn't null. */
  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }

  /** Whether the field is there, if only as null. */
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
   * A count, at least 1.
   * @throws {RangeError} If it's missing and there is no `otherwise`, or it's something else.
   */
  count(name: string, otherwise?: number): number {
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
    return this.#read(name, otherwise, isCount, "a whole number above 0");
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
    return new ConfigFields(this.#read(name, undefined, isObject, "an object"), `${this.what} (${name})`);
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
    return new RangeError(
      `Cannot use the config of ${this.what}: ${name} is ${JSON.stringify(this.#fields[name])}; ${why}`,
    );
  }

  #read<T>(name: string, otherwise: T | undefined, is: (value: unknown) => value is T, kind: string): T {
    const value = this.#fields[name];
    if (value === undefined || value === null) {
      if (otherwise !== undefined) return otherwise;
      throw new RangeError(`Cannot use the config of ${this.what}: the field ${name} is missing`);
    }
    if (!is(value)) throw this.unsupported(name, `it is to be ${kind}`);
    return value;
  }
}
