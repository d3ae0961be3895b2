/**
 * A plugin of one's own as the maker of its errors.
 * @module
 */
import type { z } from "zod";

import { shown } from "../../../formats/message.ts";
import { attributed, faultOf, withLine } from "../plugin_fault.ts";
import { calling, waitingFor } from "./calls.ts";
import { anObject } from "./schemas.ts";
import { settled } from "./settled.ts";

/** Words of the JavaScript engine for writing to what is frozen. */
const WRITES = /^Cannot (?:assign to read only property|add property|delete property|redefine property)/;

/** What a plugin's function gave is of another form than its kind's: every call's will be. */
export class FormFault extends TypeError {}

/** Calls the functions of one plugin's product and checks what they give. */
export class Maker {
  readonly #plugin: string;
  readonly #source: string;
  readonly #inFront: boolean;

  /**
   * @param plugin Kind and name, such as `loss/mine`
   * @param source The file that it came from
   * @param inFront True if its errors begin with it; false where whoever catches them puts it in front
   */
  constructor(plugin: string, source: string, inFront: boolean) {
    this.#plugin = plugin;
    this.#source = source;
    this.#inFront = inFront;
  }

  /**
   * The product of `make`; an error that it throws or rejects with is noted with the plugin and its line, a promise that can't be
   * settled any more is one.
   * @param input Words for what it was called with, behind the line, such as `, row 3 of a.jsonl`
   */
  run<T>(make: () => T, input = ""): T {
    try {
      const made = this.call(make);
      if (!(made instanceof Promise)) return made;
      return waitingFor(settled(made, unsettled)).catch((error) => {
        throw this.thrown(error, input);
      }) as T;
    } catch (error) {
      throw this.thrown(error, input);
    }
  }

  /** The product of `make`, seen as a call of this plugin while it is made. */
  call<T>(make: () => T): T {
    return calling(`${this.#plugin} of ${this.#source}`, make);
  }

  /** Name of the plugin within its kind. */
  get name(): string {
    return this.#plugin.slice(this.#plugin.indexOf("/") + 1);
  }

  /** As {@linkcode Maker.run}; a RangeError or SyntaxError is the plugin's word on what it was given, and stays as it is. */
  objecting<T>(make: () => T): T {
    try {
      return this.call(make);
    } catch (error) {
      if (error instanceof RangeError || error instanceof SyntaxError) throw error;
      throw this.thrown(error);
    }
  }

  /** The same plugin, whose errors begin with it: for calls that no item or row is told of. */
  get alone(): Maker {
    return new Maker(this.#plugin, this.#source, true);
  }

  /** The product of `create`, of which errors always begin with the plugin. @throws As {@linkcode Maker.check} */
  checkMade(product: unknown, schema: z.ZodType): void {
    this.alone.check("create()", product, anObject.pipe(schema));
  }

  /**
   * @param where The function that gave the value
   * @param input Words for its input, such as ` of row 3 of a.jsonl`
   * @throws {FormFault} If the value isn't what the schema says
   */
  check(where: string, value: unknown, schema: z.ZodType, input = ""): void {
    // what is looked at may be a getter of the plugin's
    const issue = this.run(() => schema.safeParse(value).error?.issues[0]);
    if (issue === undefined) return;
    const path = issue.path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("");
    let found = value;
    for (const key of issue.path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
    const advice = issue.code === "custom" ? issue.params?.advice ?? "" : "";
    throw this.#attributed(
      new FormFault(
        `Cannot use ${where}${path}${input} as ${issue.message}: current value is ${
          described(found)
        }${advice}`,
      ),
    );
  }

  /** What `make` gives by {@linkcode Maker.run}, at once, and as {@linkcode Maker.check} has it. */
  checked<T>(where: string, schema: z.ZodType, make: () => T): T {
    const found = this.run(make);
    this.check(where, found, schema);
    return found;
  }

  /** @throws {TypeError} Always, with the plugin */
  refuse(message: string): never {
    throw this.#attributed(new TypeError(message));
  }

  #attributed(error: Error): Error {
    return attributed(error, `${this.#plugin} of ${this.#source}`, this.#inFront);
  }

  /** The error that one of its functions threw, with the plugin, its line and `input`. */
  thrown(error: unknown, input = ""): Error {
    if (error instanceof TypeError && WRITES.test(error.message) && faultOf(error) === undefined) {
      error.message += "; what a plugin is handed can't be written to: change a copy, { ...value }";
    }
    return attributed(error, `${this.#plugin} of ${withLine(this.#source, error)}${input}`, this.#inFront);
  }
}

function unsettled(): Error {
  return new RangeError(
    "Cannot go on as a promise that it gave is never settled: nothing is left that could",
  );
}

function described(value: unknown): string {
  if (value instanceof Promise) return "a Promise";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "number" ? String(value) : shown(value);
}

/**
 * A product with some of its functions replaced. The others are called on the product itself, so that a class instance with private
 * fields, or a frozen object, does as well as a plain one.
 */
export function replacing<T extends object>(product: T, own: { [K in keyof T]?: T[K] | undefined }): T {
  const value = (key: PropertyKey) => {
    const given = (own as Record<PropertyKey, unknown>)[key];
    if (given !== undefined) return given;
    const found = Reflect.get(product, key) as unknown;
    return typeof found === "function" ? found.bind(product) : found;
  };
  return new Proxy({} as T, {
    get: (_, key) => value(key),
    has: (_, key) => Reflect.has(product, key),
    ownKeys: () => Reflect.ownKeys(product),
    getOwnPropertyDescriptor(_, key) {
      const there = Reflect.getOwnPropertyDescriptor(product, key);
      return there && { value: value(key), enumerable: there.enumerable ?? true, configurable: true };
    },
  });
}
