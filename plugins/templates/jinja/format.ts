/**
 * `text % values` and `text.format(...)`, as Python writes them.
 * @module
 */
import { asFloat, character, floatDigits, integerDigits, isNegative, WIDEST } from "./format_numbers.ts";
import { formatted } from "./format_spec.ts";
import { asNumber, fits, markup } from "./operators.ts";
import { ascii, repr, str } from "./print.ts";
import { Dict, type JinjaValue, type Kwargs, Markup, TemplateError, Tuple, typeName } from "./values.ts";

const PERCENT = /%(?:(?:\(([^()]*)\))?([-+ #0]*)(\d+|\*)?(?:\.(\d+|\*)?)?[hlL]?(.)|)/gsu;

/**
 * `text % values`.
 * @throws {TemplateError} If the values don't fit.
 */
export function formatPercent(text: string | Markup, values: JinjaValue): JinjaValue {
  const source = text instanceof Markup ? text.text : text;
  const list = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const next = (): JinjaValue => {
    if (used < list.length) return list[used++]!;
    throw new TemplateError("not enough arguments for format string");
  };
  const count = (given: string | undefined): number => {
    const number = given === "*" ? next() : BigInt(given ?? 0);
    if (typeof number !== "bigint") throw new TemplateError("* wants int");
    if (number > WIDEST || number < -WIDEST) throw new TemplateError(`a format is wider than ${WIDEST}`);
    return Number(number);
  };
  const written = source.replace(PERCENT, (all, key, flags, width, precision, kind) => {
    if (kind === undefined) throw new TemplateError("incomplete format");
    if (all === "%%") return "%";
    if (key !== undefined) {
      if (!(values instanceof Dict)) throw new TemplateError("format requires a mapping");
      if (!values.has(key)) throw new TemplateError(`format has no value ${repr(key)}`);
    }
    const columns = count(width);
    const hasPoint = precision !== undefined || /\.[hlL]?.$/su.test(all);
    const decimals = hasPoint ? Math.max(0, count(precision)) : null;
    let value = key === undefined ? next() : values instanceof Dict ? values.get(key)! : null;
    if (text instanceof Markup && "sr".includes(kind)) value = markup(kind === "r" ? repr(value) : value);
    const given = { flags: columns < 0 ? `${flags}-` : flags, precision: decimals };
    return padded(percentItem(value, kind, given), Math.abs(columns), given.flags, kind);
  });
  // like a mapping, a list needn't be used
  const isSpare = /^(dict|list|range|Undefined)$/.test(typeName(values));
  if (used < list.length && !isSpare) {
    throw new TemplateError("not all arguments converted during string formatting");
  }
  return text instanceof Markup ? new Markup(fits(written)) : fits(written);
}

/** Sign and prefix, then what follows them. */
function percentItem(
  value: JinjaValue,
  kind: string,
  { flags, precision }: { flags: string; precision: number | null },
): [front: string, text: string] {
  if ("sra".includes(kind)) {
    const text = kind === "s" ? str(value) : kind === "r" ? repr(value) : ascii(value);
    return ["", precision === null ? text : [...text].slice(0, precision).join("")];
  }
  const isText = typeof value === "string" || value instanceof Markup;
  const number = isText ? undefined : asNumber(value);
  if (kind === "c") {
    if (isText && [...str(value)].length === 1) return ["", str(value)];
    if (typeof number === "bigint") return ["", character(number)];
    throw new TemplateError("%c requires int or char");
  }
  if (!"diuxXoeEfFgG".includes(kind)) throw new TemplateError(`unsupported format character '${kind}'`);
  if (number === undefined) {
    throw new TemplateError(`%${kind} format: a number is required, not ${typeName(value)}`);
  }
  const sign = (below: boolean) => below ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  if ("eEfFgG".includes(kind)) {
    const float = asFloat(number);
    return [sign(isNegative(float)), floatDigits(float, { kind, precision, alternate: flags.includes("#") })];
  }
  if (typeof number !== "bigint" && ("xXo".includes(kind) || !Number.isFinite(number))) {
    throw new TemplateError(`%${kind} format: an integer is required, not ${floatName(number)}`);
  }
  const integer = typeof number === "bigint" ? number : BigInt(Math.trunc(number));
  const prefix = flags.includes("#") && "xXo".includes(kind) ? `0${kind}` : "";
  return [sign(integer < 0n) + prefix, integerDigits(integer, kind).padStart(precision ?? 0, "0")];
}

function floatName(value: number): string {
  return Number.isFinite(value) ? "float" : str(value);
}

function padded([front, text]: [string, string], width: number, flags: string, kind: string): string {
  const missing = Math.max(0, width - [...front + text].length);
  if (flags.includes("-")) return front + text + " ".repeat(missing);
  const isFilled = flags.includes("0") && !"src".includes(kind) && kind !== "a";
  return isFilled ? front + "0".repeat(missing) + text : " ".repeat(missing) + front + text;
}

/**
 * `text.format(*args, **kwargs)`.
 * @param item Looks up `{0.name}` and `{0[key]}`.
 * @throws {TemplateError} If the text or the values don't fit.
 */
export function formatBraces(
  text: string,
  args: readonly JinjaValue[],
  kwargs: Kwargs,
  item: (object: JinjaValue, key: JinjaValue) => JinjaValue,
): string {
  let next = 0, hasNumbers = false;
  const field = (path: string): JinjaValue => {
    const [, name, steps] = /^([^.[]*)(.*)$/s.exec(path)!;
    const isNumbered = /^\d+$/.test(name!);
    if (isNumbered ? next > 0 : name === "" && hasNumbers) {
      throw new TemplateError("a format can't number some fields and leave it out of others");
    }
    hasNumbers ||= isNumbered;
    const index = name === "" ? next++ : isNumbered ? Number(name) : null;
    let value = index === null ? kwargs.get(name!) : args[index];
    if (value === undefined) {
      throw new TemplateError(`the format has no value ${repr(name === "" ? `${index}` : name!)}`);
    }
    for (const [all, attribute, key] of steps!.matchAll(/\.([^.[]+)|\[([^\]]+)\]|./gs)) {
      const step = attribute ?? key;
      if (step === undefined) throw new TemplateError(`a format's field can't be read at ${repr(all)}`);
      value = item(value, attribute === undefined && /^\d+$/.test(step) ? BigInt(step) : step);
    }
    return value;
  };
  const expand = (source: string, depth: number): string => {
    if (depth === 0) throw new TemplateError("Max string recursion exceeded");
    let written = "";
    for (let i = 0; i < source.length; i++) {
      const char = source[i]!;
      if (char !== "{" && char !== "}") {
        written += char;
      } else if (source[i + 1] === char) {
        written += char;
        i++;
      } else {
        const end = char === "{" ? fieldEnd(source, i + 1) : -1;
        if (end < 0) throw new TemplateError(`single '${char}' in a format text`);
        const [, path, conversion, spec] = /^((?:\[[^\]]*\]|[^!:[])*)(?:!([^:]*))?(?::(.*))?$/s
          .exec(source.slice(i + 1, end)) ?? [];
        if (path === undefined || path.includes("{")) throw new TemplateError("unexpected '{' in field name");
        const value = field(path);
        written += formatted(converted(value, conversion), spec === undefined ? "" : expand(spec, depth - 1));
        i = end;
      }
    }
    return written;
  };
  return fits(expand(text, 2));
}

/** Place of the bracket that closes a field, or -1. */
function fieldEnd(source: string, from: number): number {
  let open = 1;
  for (let i = from; i < source.length; i++) {
    if (source[i] === "{") open++;
    else if (source[i] === "}" && --open === 0) return i;
  }
  return -1;
}

function converted(value: JinjaValue, conversion: string | undefined): JinjaValue {
  switch (conversion) {
    case undefined:
      return value;
    case "s":
      return str(value);
    case "r":
      return repr(value);
    case "a":
      return ascii(value);
  }
  throw new TemplateError(`Unknown conversion specifier '${conversion}'`);
}
