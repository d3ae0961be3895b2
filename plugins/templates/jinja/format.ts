/**
 * `text % values` and `text.format(...)`, as Python writes them.
 * @module
 */
import { fixed, floatText } from "./numbers.ts";
import { asNumber, fits, markup } from "./operators.ts";
import { repr, str } from "./print.ts";
import { Dict, type JinjaValue, type Kwargs, Markup, TemplateError, Tuple, typeName } from "./values.ts";

/** Width and precision at most, so that a format can't fill the memory. */
const WIDEST = 10_000;

const PERCENT = /%(?:\(([^)]*)\))?([-+ #0]*)(\d+|\*)?(?:\.(\d+))?[hlL]?(.)/gsu;

/**
 * `text % values`. Flags, width and precision are known, `*` isn't.
 * @throws {TemplateError} If the values don't fit.
 */
export function formatPercent(text: string | Markup, values: JinjaValue): JinjaValue {
  const source = text instanceof Markup ? text.text : text;
  const list = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const written = source.replace(PERCENT, (_all, key, flags, width, precision, kind) => {
    if (kind === "%") return "%";
    let value: JinjaValue;
    if (key !== undefined) {
      if (!(values instanceof Dict)) throw new TemplateError("format requires a mapping");
      if (!values.has(key)) throw new TemplateError(`format has no value ${repr(key)}`);
      value = values.get(key)!;
    } else if (used < list.length) value = list[used++]!;
    else throw new TemplateError("not enough arguments for format string");
    if (text instanceof Markup && "sr".includes(kind)) value = markup(kind === "r" ? repr(value) : value);
    const decimals = precision === undefined ? undefined : Number(precision);
    return padded(percentItem(value, kind, flags, decimals), Number(width ?? 0), flags);
  });
  // like a mapping, a list needn't be used
  const isSpare = /^(dict|list|range|Undefined)$/.test(typeName(values));
  if (used < list.length && !isSpare) {
    throw new TemplateError("not all arguments converted during string formatting");
  }
  return text instanceof Markup ? new Markup(fits(written)) : fits(written);
}

function percentItem(value: JinjaValue, kind: string, flags: string, precision: number | undefined): string {
  const sign = (text: string) =>
    (text.startsWith("-") ? "" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "") + text;
  if (kind === "s" || kind === "r" || kind === "a") {
    const text = kind === "s" ? str(value) : repr(value);
    return precision === undefined ? text : [...text].slice(0, precision).join("");
  }
  if (kind === "c") {
    return typeof value === "string" ? value : String.fromCodePoint(Number(asNumber(value) ?? 0));
  }
  const number = asNumber(value);
  if (number === undefined) {
    throw new TemplateError(`%${kind} format: a number is required, not ${typeName(value)}`);
  }
  if ("diu".includes(kind)) {
    const digits = String(typeof number === "bigint" ? number : BigInt(Math.trunc(number)));
    return sign(digits.replace(/\d+/, (all) => all.padStart(precision ?? 0, "0")));
  }
  if ("xXo".includes(kind)) {
    if (typeof number !== "bigint") {
      throw new TemplateError(`%${kind} format: an integer is required, not float`);
    }
    return sign(based(number, kind, flags.includes("#")));
  }
  return sign(floatItem(Number(number), kind, precision, flags.includes("#")));
}

function based(value: bigint, kind: string, hasPrefix: boolean): string {
  const digits = (value < 0n ? -value : value).toString(kind === "o" ? 8 : kind === "b" ? 2 : 16);
  const text = (hasPrefix ? `0${kind.toLowerCase()}` : "") + digits;
  return (value < 0n ? "-" : "") + (kind === "X" ? text.toUpperCase() : text);
}

function floatItem(value: number, kind: string, precision: number | undefined, keepZeros: boolean): string {
  const decimals = precision ?? 6;
  if (decimals > WIDEST) throw new TemplateError(`a format is wider than ${WIDEST}`);
  if (!Number.isFinite(value)) return floatText(value);
  const exponent = (text: string) => text.replace(/e([+-])(\d)$/, "e$10$2");
  const upper = kind === kind.toUpperCase() ? (text: string) => text.toUpperCase() : (text: string) => text;
  switch (kind.toLowerCase()) {
    case "f":
      return fixed(value, decimals);
    case "e":
      return upper(exponent(value.toExponential(decimals)));
    case "g": {
      const digits = decimals === 0 ? 1 : decimals;
      const power = value === 0 ? 0 : Number(value.toExponential(digits - 1).split("e")[1]);
      const text = power < -4 || power >= digits
        ? exponent(value.toExponential(digits - 1))
        : fixed(value, digits - 1 - power);
      const short = keepZeros ? text : text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");
      return upper(short);
    }
  }
  throw new TemplateError(`unsupported format character '${kind}'`);
}

function padded(text: string, width: number, flags: string): string {
  if (width > WIDEST) throw new TemplateError(`a format is wider than ${WIDEST}`);
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0") || !/^[-+ ]?[\d.]/.test(text)) return " ".repeat(missing) + text;
  return text.replace(/^[-+ ]?/, (sign) => sign + "0".repeat(missing));
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
  const written = text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (all, field: string | undefined) => {
    if (all === "{{" || all === "}}") return all[0]!;
    if (field === undefined) throw new TemplateError(`single '${all}' in a format text`);
    const [, path, conversion, spec] = /^([^!:]*)(?:!([rsa]))?(?::(.*))?$/s.exec(field)!;
    const [, name, steps] = /^([^.[]*)(.*)$/s.exec(path!)!;
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
    for (const [, attribute, key] of steps!.matchAll(/\.([^.[]+)|\[([^\]]*)\]/g)) {
      value = item(value, attribute ?? (/^\d+$/.test(key!) ? BigInt(key!) : key!));
    }
    if (conversion !== undefined) value = conversion === "s" ? str(value) : repr(value);
    return formatted(value, spec ?? "");
  });
  return fits(written);
}

/** Python's `format(value, spec)`. */
function formatted(value: JinjaValue, spec: string): string {
  if (spec === "") return str(value);
  const match = /^(?:(.)?([<>=^]))?([-+ ]?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?([bcdeEfFgGnosxX%]?)$/su.exec(
    spec,
  );
  if (match === null) throw new TemplateError(`Invalid format specifier '${spec}'`);
  const [, fill, alignment, sign, alternate, zero, width, group, precision, kind] =
    match as unknown as string[];
  const number = typeof value === "string" || value instanceof Markup ? undefined : asNumber(value);
  const decimals = precision === undefined ? undefined : Number(precision);
  let text: string;
  if (number === undefined) {
    if (kind !== "" && kind !== "s") {
      throw new TemplateError(`Unknown format code '${kind}' for '${typeName(value)}'`);
    }
    text = str(value);
    if (decimals !== undefined) text = [...text].slice(0, decimals).join("");
  } else {
    text = numberText(number, kind!, decimals, alternate === "#");
    if (group) text = text.replace(/\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, group));
    if (!text.startsWith("-") && sign !== "-") text = sign + text;
  }
  return aligned(text, Number(width || 0), {
    fill: fill ?? (zero ? "0" : " "),
    alignment: alignment ?? (zero ? "=" : number === undefined ? "<" : ">"),
  });
}

function numberText(
  value: bigint | number,
  kind: string,
  precision: number | undefined,
  alternate: boolean,
): string {
  if (kind === "%") return `${fixed(Number(value) * 100, precision ?? 6)}%`;
  if ("bcdoxX".includes(kind) && kind !== "") {
    if (typeof value !== "bigint") {
      throw new TemplateError(`Unknown format code '${kind}' for object of type 'float'`);
    }
    if (kind === "c") return String.fromCodePoint(Number(value));
    return kind === "d" ? String(value) : based(value, kind, alternate);
  }
  if (kind === "n" || kind === "") {
    if (typeof value === "bigint") return String(value);
    if (precision === undefined) return floatText(value);
  }
  return floatItem(Number(value), kind === "" || kind === "n" ? "g" : kind, precision, alternate);
}

function aligned(
  text: string,
  width: number,
  { fill, alignment }: { fill: string; alignment: string },
): string {
  if (width > WIDEST) throw new TemplateError(`a format is wider than ${WIDEST}`);
  const missing = Math.max(0, width - [...text].length);
  switch (alignment) {
    case "<":
      return text + fill.repeat(missing);
    case "^":
      return fill.repeat(Math.floor(missing / 2)) + text + fill.repeat(Math.ceil(missing / 2));
    case "=":
      return text.replace(/^[-+ ]?/, (sign) => sign + fill.repeat(missing));
  }
  return fill.repeat(missing) + text;
}
