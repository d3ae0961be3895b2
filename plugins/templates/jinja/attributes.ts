/**
 * `object.name` and `object[key]` within the sandbox of transformers: nothing that changes a value, no names with an underscore in front.
 * @module
 */
import { bind, indexOf } from "./arguments.ts";
import { formatBraces } from "./format.ts";
import { asIndex, equals, markup } from "./operators.ts";
import { repr, str } from "./print.ts";
import { codePointsOf } from "./string_search.ts";
import { stringMethods } from "./strings.ts";
import {
  asItems,
  asText,
  Callable,
  Cycler,
  defined,
  Dict,
  DictView,
  Group,
  type JinjaValue,
  type Kwargs,
  Loop,
  Markup,
  Namespace,
  Range,
  Slice,
  TemplateError,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/** `object.name`: an attribute, else the item of that name. */
export function attribute(object: JinjaValue, name: string): JinjaValue {
  if (object instanceof Undefined) return object.fail();
  return defined(attributeOf(object, name), () => defined(itemOf(object, name), () => missing(object, name)));
}

/** `object[key]`: the item of that key, else the attribute of that name. */
export function getItem(object: JinjaValue, key: JinjaValue): JinjaValue {
  if (object instanceof Undefined) return object.fail();
  if (key instanceof Slice) return slice(object, key);
  const name = asText(key);
  const own = () => name === undefined ? undefined : attributeOf(object, name);
  return defined(itemOf(object, key), () => defined(own(), () => missing(object, key)));
}

/** `object | attr(name)`: the attribute alone. */
export function ownAttribute(object: JinjaValue, name: string): JinjaValue {
  if (object instanceof Undefined) return object.fail();
  return defined(attributeOf(object, name), () => missing(object, name));
}

function missing(object: JinjaValue, key: JinjaValue): Undefined {
  const name = asText(key);
  const type = typeName(object);
  return new Undefined(
    name === undefined
      ? `${type} object has no element ${repr(key)}`
      : `'${type} object' has no attribute '${name}'`,
  );
}

function itemOf(object: JinjaValue, key: JinjaValue): JinjaValue | undefined {
  if (object instanceof Dict) {
    // what can't be a key isn't in it
    try {
      return object.get(key);
    } catch {
      return undefined;
    }
  }
  const index = asIndex(key);
  if (index === undefined) return undefined;
  const text = asText(object);
  if (text !== undefined) {
    const points = codePointsOf(text);
    const char = points[index < 0 ? index + points.length : index];
    return char === undefined ? undefined : object instanceof Markup ? new Markup(char) : char;
  }
  if (object instanceof Range) {
    const place = index < 0 ? index + object.length : index;
    return place >= 0 && place < object.length ? object.at(place) : undefined;
  }
  return asItems(object)?.at(index);
}

function slice(object: JinjaValue, { start, stop, step }: Slice): JinjaValue {
  const text = asText(object);
  const items = text === undefined
    ? (object instanceof Range ? undefined : asItems(object))
    : codePointsOf(text);
  const length = object instanceof Range ? object.length : items?.length;
  if (length === undefined) {
    throw new TemplateError(`'${typeName(object)}' object can't be cut into slices`);
  }
  const part = (value: JinjaValue) => {
    if (value === null) return null;
    const index = asIndex(value);
    if (index !== undefined) return index;
    if (value instanceof Undefined) value.fail();
    throw new TemplateError("slice indices must be integers or None");
  };
  const by = part(step) ?? 1;
  if (by === 0) throw new TemplateError("slice step cannot be zero");
  const clamp = (value: number | null, otherwise: number) => {
    if (value === null) return otherwise;
    const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
    return Math.min(high, Math.max(low, value < 0 ? value + length : value));
  };
  const from = clamp(part(start), by > 0 ? 0 : length - 1);
  const to = clamp(part(stop), by > 0 ? length : -1);
  if (object instanceof Range) {
    return new Range(object.at(from), object.start + BigInt(to) * object.step, object.step * BigInt(by));
  }
  const taken: JinjaValue[] = [];
  if (by === 1) {
    taken.push(
      ...(typeof items === "string"
        ? [items.slice(from, Math.max(from, to))]
        : items!.slice(from, Math.max(from, to))),
    );
  } else for (let i = from; by > 0 ? i < to : i > to; i += by) taken.push(items![i]!);
  if (text !== undefined) return object instanceof Markup ? new Markup(taken.join("")) : taken.join("");
  return Array.isArray(object) ? taken : new Tuple(taken);
}

/** Methods that change a list or dict: the sandbox gives them as something that fails when it is used. */
const CHANGE: Readonly<Record<string, readonly string[]>> = {
  list: ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"],
  dict: ["clear", "pop", "popitem", "setdefault", "update"],
};

function attributeOf(object: JinjaValue, name: string): JinjaValue | undefined {
  const type = typeName(object);
  if (CHANGE[type]?.includes(name)) {
    return new Undefined(`access to attribute '${name}' of '${type}' object is unsafe.`);
  }
  const text = asText(object);
  if (text !== undefined) {
    if (name === "format" || name === "format_map") return formatMethod(object as string | Markup, name);
    const method = stringMethods.get(name);
    return method && new Callable(name, (args, kwargs) => method(object as string | Markup, args, kwargs));
  }
  if (object instanceof Dict) return dictMethod(object, name);
  if (object instanceof Loop) return loopAttribute(object, name);
  if (object instanceof Namespace || object instanceof Callable) return object.attributes.get(name);
  if (object instanceof Cycler) return cyclerAttribute(object, name);
  if (object instanceof Range && ["start", "stop", "step"].includes(name)) return object[name as "start"];
  if (typeof object === "bigint" || typeof object === "number" || typeof object === "boolean") {
    return numberAttribute(object, name);
  }
  if (object instanceof Group && (name === "grouper" || name === "list")) return object[name];
  const items = object instanceof Range ? undefined : asItems(object);
  return items === undefined ? undefined : listMethod(items, name);
}

function formatMethod(self: string | Markup, name: string): Callable {
  const format = (args: readonly JinjaValue[], kwargs: Kwargs) => {
    if (!(self instanceof Markup)) return formatBraces(self, args, kwargs, getItem);
    const safe = new Map([...kwargs].map(([key, value]) => [key, markup(value)]));
    return new Markup(formatBraces(self.text, args.map(markup), safe, getItem));
  };
  return new Callable(name, (args, kwargs) => {
    if (name === "format") return format(args, kwargs);
    const { mapping } = bind(name, ["mapping"], args, kwargs);
    if (!(mapping instanceof Dict)) throw new TemplateError("format_map() argument must be a mapping");
    return format([], new Map(mapping.items().map(([key, value]) => [str(key), value])));
  });
}

function dictMethod(dict: Dict, name: string): JinjaValue | undefined {
  const method = (parameters: readonly string[], call: (...args: (JinjaValue | undefined)[]) => JinjaValue) =>
    new Callable(name, (args, kwargs) => call(...Object.values(bind(name, parameters, args, kwargs))));
  switch (name) {
    case "keys":
    case "values":
    case "items":
      return method([], () => new DictView(dict, name));
    case "get":
      return method(
        ["key", "default?"],
        (key, otherwise) => defined(dict.get(key!), () => otherwise ?? null),
      );
    case "copy":
      return method([], () => new Dict(dict.items()));
    default:
      return undefined;
  }
}

function listMethod(items: readonly JinjaValue[], name: string): JinjaValue | undefined {
  if (name === "count") {
    return new Callable(name, (args, kwargs) => {
      const { value } = bind(name, ["value"], args, kwargs);
      return BigInt(items.filter((each) => equals(each, value!)).length);
    });
  }
  if (name === "index") {
    return new Callable(name, (args, kwargs) => {
      const { value, start } = bind(name, ["value", "start?"], args, kwargs);
      const from = indexOf(start, name, 0);
      const found = items.findIndex((each, i) =>
        i >= (from < 0 ? from + items.length : from) && equals(each, value!)
      );
      if (found < 0) throw new TemplateError(`${repr(value!)} is not in list`);
      return BigInt(found);
    });
  }
  return name === "copy" && Array.isArray(items) ? new Callable(name, () => [...items]) : undefined;
}

function loopAttribute(loop: Loop, name: string): JinjaValue | undefined {
  const { items, index0, depth0 } = loop;
  const length = items.length;
  switch (name) {
    case "index0":
      return BigInt(index0);
    case "index":
      return BigInt(index0 + 1);
    case "first":
      return index0 === 0;
    case "last":
      return index0 === length - 1;
    case "length":
      return BigInt(length);
    case "revindex":
      return BigInt(length - index0);
    case "revindex0":
      return BigInt(length - index0 - 1);
    case "depth":
      return BigInt(depth0 + 1);
    case "depth0":
      return BigInt(depth0);
    case "previtem":
      return index0 === 0 ? new Undefined("there is no previous item") : items[index0 - 1]!;
    case "nextitem":
      return index0 === length - 1 ? new Undefined("there is no next item") : items[index0 + 1]!;
    case "cycle":
      return new Callable(name, (args) => {
        if (args.length === 0) throw new TemplateError("no items for cycling given");
        return args[index0 % args.length]!;
      });
    case "changed":
      return new Callable(name, (args) => {
        const now = new Tuple(args);
        const isNew = loop.changed === undefined || !equals(loop.changed, now);
        loop.changed = now;
        return isNew;
      });
    default:
      return undefined;
  }
}

function cyclerAttribute(cycler: Cycler, name: string): JinjaValue | undefined {
  const current = cycler.items[cycler.position]!;
  if (name === "current") return current;
  if (name === "reset") {
    return new Callable(name, () => {
      cycler.position = 0;
      return null;
    });
  }
  return name !== "next" ? undefined : new Callable(name, () => {
    const value = cycler.items[cycler.position]!;
    cycler.position = (cycler.position + 1) % cycler.items.length;
    return value;
  });
}

function numberAttribute(value: bigint | number | boolean, name: string): JinjaValue | undefined {
  const number = typeof value === "boolean" ? BigInt(value) : value;
  if (name === "real") return number;
  if (name === "imag") return typeof number === "bigint" ? 0n : 0;
  if (name === "is_integer" && typeof number === "number") {
    return new Callable(name, () => Number.isInteger(number));
  }
  if (name === "bit_length" && typeof number === "bigint") {
    return new Callable(
      name,
      () => BigInt(number === 0n ? 0 : (number < 0n ? -number : number).toString(2).length),
    );
  }
  return undefined;
}
