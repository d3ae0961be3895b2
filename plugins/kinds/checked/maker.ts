/**
 * A plugin of one's own as the maker of its errors.
 * @module
 */
import { z } from "zod";

import { shown } from "../../../formats/message.ts";
import { attributed, faultOf, withLine } from "../plugin_fault.ts";
import { calling, waitingFor } from "./calls.ts";
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

/** A schema of anything that `test` takes, with what is needed in words. */
export function needed(words: string, test: (value: unknown) => boolean): z.ZodType {
  return z.custom(test, { error: `${words} is needed` });
}

/** An object of any kind, class instances too. */
export const anObject: z.ZodType = needed(
  "an object",
  (v) => typeof v === "object" && v !== null && !Array.isArray(v) && !(v instanceof Promise),
);

/** A function. */
export const aFunction: z.ZodType = needed(
  "a function",
  (v) => typeof v === "function",
);

/** A function, or nothing. */
export const functionOrNothing: z.ZodType = needed(
  "a function, or nothing,",
  (v) => v === undefined || typeof v === "function",
);

/** A text. */
export const anyText: z.ZodType = needed("a text", (v) => typeof v === "string");

/** A text that isn't empty. */
export const words: z.ZodType = needed(
  "a text that isn't empty",
  (v) => typeof v === "string" && v !== "",
);

/** A map of names to texts. */
export const namedTexts: z.ZodType = needed(
  "a map of names to texts",
  (v) => isNamed(v) && Object.values(v).every((each) => typeof each === "string"),
);

/** A map of names to numbers. */
export const namedNumbers: z.ZodType = needed(
  "a map of names to numbers",
  (v) => isNamed(v) && Object.values(v).every((each) => typeof each === "number"),
);

/** True of an object that is neither a list nor a promise. */
export function isNamed(value: unknown): value is Record<string, unknown> {
  return anObject.safeParse(value).success;
}

/** A map of values that JSON has. */
export const jsonData: z.ZodType = needed("a map of JSON values", (v) => {
  try {
    return isNamed(v) && JSON.stringify(v) !== undefined;
  } catch {
    return false;
  }
});

/** What `each` says, or nothing. */
export function orNothing(each: z.ZodType): z.ZodType {
  return z.unknown().superRefine((value, context) => {
    const issue = value === undefined ? undefined : each.safeParse(value).error?.issues[0];
    if (issue) context.addIssue(under([], issue));
  });
}

/** True or false. */
export const flag: z.ZodType = needed("true or false", (v) => typeof v === "boolean");

/** A list of what `each` says. */
export function listOf(each: z.ZodType, what = "a list"): z.ZodType {
  return needed(what, Array.isArray).pipe(z.array(each));
}

/** An object with these fields among others. */
export function fields(shape: Record<string, z.ZodType>): z.ZodType {
  return anObject.pipe(
    z.unknown().superRefine((value, context) => {
      for (const [key, schema] of Object.entries(shape)) {
        const issue = schema.safeParse((value as Record<string, unknown>)[key]).error?.issues[0];
        if (!issue) continue;
        context.addIssue(under([key], issue));
        return;
      }
    }),
  );
}

/** An issue of a part, as one of the whole that has it at `path`; what to do about it comes along. */
function under(path: readonly PropertyKey[], issue: z.core.$ZodIssue) {
  const params = issue.code === "custom" ? issue.params : undefined;
  return {
    code: "custom" as const,
    path: [...path, ...issue.path],
    message: issue.message,
    ...(params && { params }),
  };
}

/** One of these texts. */
export function oneOfNames(...names: readonly string[]): z.ZodType {
  return needed(`one of ${names.join(", ")}`, (v) => typeof v === "string" && names.includes(v));
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
