/**
 * Values of templates, kept apart as Python keeps them apart: whole numbers are `bigint`, floats `number`, lists arrays; None is null.
 * @module
 */

/** A template that can't be read, or that failed while it was rendered. */
export class TemplateError extends Error {}

/** A template that takes too many steps: a fault of the template, not of one conversation. */
export class StepLimitError extends TemplateError {}

/** A value of a template. */
export type JinjaValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | JinjaValue[]
  | Tuple
  | Dict
  | DictView
  | Markup
  | Undefined
  | Callable
  | Namespace
  | Range
  | Iterator
  | Cycler
  | Slice
  | Loop;

/** Arguments by name. */
export type Kwargs = ReadonlyMap<string, JinjaValue>;

/** A name or attribute that isn't there: prints as nothing, is false and empty, and fails where anything else is done with it. */
export class Undefined {
  /** @param reason Such as "'x' is undefined". */
  constructor(readonly reason: string) {}

  /** @throws {TemplateError} Always. */
  fail(): never {
    throw new TemplateError(this.reason);
  }
}

/** Python's tuple: printed and compared otherwise than a list. */
export class Tuple {
  /** @param items In order; not copied. */
  constructor(readonly items: readonly JinjaValue[]) {}
}

/** A pair of `groupby`, with names for its two parts. */
export class Group extends Tuple {
  /** @param grouper Value that the items have in common. */
  constructor(readonly grouper: JinjaValue, readonly list: JinjaValue[]) {
    super([grouper, list]);
  }
}

/** Text that `safe` or `escape` gave; texts that are added to it are escaped. */
export class Markup {
  /** @param text Escaped already. */
  constructor(readonly text: string) {}
}

/** A function, method or macro. */
export class Callable {
  /** @param unsafe Why the sandbox of transformers refuses the call. */
  constructor(
    readonly name: string,
    readonly call: (args: readonly JinjaValue[], kwargs: Kwargs) => JinjaValue,
    readonly attributes: ReadonlyMap<string, JinjaValue> = new Map(),
  ) {}
}

/** `namespace(...)`: attributes may be set from inner scopes. */
export class Namespace {
  /** @param attributes By name; not copied. */
  constructor(readonly attributes: Map<string, JinjaValue>) {}
}

/** `range(...)`. */
export class Range {
  /** As Python's; `length` counts the numbers. */
  constructor(readonly start: bigint, readonly stop: bigint, readonly step: bigint) {}

  /** Number of numbers in the range. */
  get length(): number {
    const { start, stop, step } = this;
    const span = step > 0n ? stop - start + step - 1n : start - stop - step - 1n;
    return Number(span < 0n ? 0n : span / (step < 0n ? -step : step));
  }

  /** Number at an index ≥ 0. */
  at(index: number): bigint {
    return this.start + BigInt(index) * this.step;
  }
}

/** A generator: can be walked once, has no length and is true even when nothing is left. */
export class Iterator {
  #items: JinjaValue[];
  /** @param name As Python prints it. */
  constructor(items: readonly JinjaValue[], readonly name: string = "generator") {
    this.#items = [...items];
  }

  /** Number of remaining items. */
  get left(): number {
    return this.#items.length;
  }

  /** The items that are left; none afterwards. */
  drain(): JinjaValue[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** The next item, undefined if there is none. */
  next(): JinjaValue | undefined {
    return this.#items.shift();
  }
}

/** `cycler(...)`. */
export class Cycler {
  /** Index of the current item. */
  position = 0;
  /** At least one item. */
  constructor(readonly items: readonly JinjaValue[]) {}
}

/** `[start:stop:step]`, only as a key. */
export class Slice {
  /** null: left out. */
  constructor(readonly start: JinjaValue, readonly stop: JinjaValue, readonly step: JinjaValue) {}
}

/** `loop` within a for. */
export class Loop {
  /** Index of the current item, from 0. */
  index0 = -1;
  /** Last arguments of `changed`. */
  changed: JinjaValue | undefined;
  /** @param recurse Renders the body for other items (`recursive`), else null. */
  constructor(
    readonly items: readonly JinjaValue[],
    readonly depth0: number,
    readonly recurse: ((items: JinjaValue) => JinjaValue) | null,
  ) {}
}

/** A dict; keys that Python calls equal (1, 1.0, True) are one. */
export class Dict {
  readonly #entries = new Map<unknown, [JinjaValue, JinjaValue]>();

  /** Key and value pairs, later ones winning. */
  constructor(entries: Iterable<readonly [JinjaValue, JinjaValue]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  /** Number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /** Keys in the order in which they were first set. */
  keys(): JinjaValue[] {
    return [...this.#entries.values()].map(([key]) => key);
  }

  /** Values in the order of the keys. */
  values(): JinjaValue[] {
    return [...this.#entries.values()].map(([, value]) => value);
  }

  /** Pairs in the order of the keys. */
  items(): [JinjaValue, JinjaValue][] {
    return [...this.#entries.values()].map(([key, value]) => [key, value]);
  }

  /** Value of a key, undefined if it isn't there. */
  get(key: JinjaValue): JinjaValue | undefined {
    return this.#entries.get(identity(key))?.[1];
  }

  /** True if a key is there. */
  has(key: JinjaValue): boolean {
    return this.#entries.has(identity(key));
  }

  /** Sets a value; an equal key stays as it was first written. */
  set(key: JinjaValue, value: JinjaValue): void {
    const id = identity(key);
    this.#entries.set(id, [this.#entries.get(id)?.[0] ?? key, value]);
  }
}

/** `dict.keys()`, `dict.values()` and `dict.items()`. */
export class DictView {
  /** Of a dict. */
  constructor(readonly dict: Dict, readonly kind: "keys" | "values" | "items") {}

  /** Items as the dict has them now. */
  items(): JinjaValue[] {
    if (this.kind === "items") return this.dict.items().map((pair) => new Tuple(pair));
    return this.kind === "keys" ? this.dict.keys() : this.dict.values();
  }
}

/**
 * The same for values that are equal as keys.
 * @throws {TemplateError} If a value can't be a key.
 */
export function identity(value: JinjaValue): unknown {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof Markup) return value.text;
  if (value instanceof Tuple) {
    const parts = value.items.map(identity);
    return `tuple:${parts.map((part) => `${typeof part}:${String(part).length}:${String(part)}`).join(",")}`;
  }
  if (Array.isArray(value) || value instanceof Dict) {
    throw new TemplateError(`unhashable type: '${typeName(value)}'`);
  }
  // texts may not meet the identities of tuples
  return typeof value === "string" ? `text:${value}` : value;
}

/** A value, or another one where it isn't there; None is there. */
export function defined<T extends JinjaValue | undefined>(
  value: JinjaValue | undefined,
  otherwise: () => T,
): JinjaValue | T {
  return value === undefined ? otherwise() : value;
}

/** Python's name of a value's type. */
export function typeName(value: JinjaValue): string {
  if (value === null) return "NoneType";
  if (Array.isArray(value)) return "list";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "float";
    case "string":
      return "str";
  }
  if (value instanceof DictView) return `dict_${value.kind}`;
  if (value instanceof Iterator) return value.name;
  if (value instanceof Callable) return "function";
  return value instanceof Loop ? "LoopContext" : (value as object).constructor.name.toLowerCase().replace(
    /^(undefined|markup|namespace)$/,
    (name) => name[0]!.toUpperCase() + name.slice(1),
  );
}

/** Python's truth of a value. */
export function truthy(value: JinjaValue): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === "object") {
    if (Array.isArray(value) || value instanceof Range) return value.length > 0;
    if (value instanceof Tuple) return value.items.length > 0;
    if (value instanceof Dict) return value.size > 0;
    if (value instanceof DictView) return value.dict.size > 0;
    if (value instanceof Markup) return value.text !== "";
    if (value instanceof Loop) return value.items.length > 0;
    return true;
  }
  return Boolean(value);
}

/** Text of a str or Markup, undefined for other values. */
export function asText(value: JinjaValue | undefined): string | undefined {
  return value instanceof Markup ? value.text : typeof value === "string" ? value : undefined;
}

/** A list or tuple's items, undefined for other values. */
export function asItems(value: JinjaValue): readonly JinjaValue[] | undefined {
  return Array.isArray(value) ? value : value instanceof Tuple ? value.items : undefined;
}

/**
 * The items that a loop walks over.
 * @throws {TemplateError} If the value has none.
 */
export function iterate(value: JinjaValue): readonly JinjaValue[] {
  if (Array.isArray(value)) return value;
  const text = asText(value);
  if (text !== undefined) return [...text];
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof DictView) return value.items();
  if (value instanceof Undefined) return [];
  if (value instanceof Iterator) return value.drain();
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i));
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}
