/**
 * Python's `format(value, spec)`: the format specification mini-language.
 * @module
 */
import { asFloat, character, floatDigits, integerDigits, isNegative, WIDEST } from "./format_numbers.ts";
import { asNumber } from "./operators.ts";
import { str } from "./print.ts";
import { type JinjaValue, Markup, TemplateError, typeName } from "./values.ts";

const SPEC = /^(?:(.)?([<>=^]))?([-+ ]?)(z?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?(.?)$/su;

/** The parts of a specification; absent ones are "". */
interface Spec {
  fill: string;
  alignment: string;
  sign: string;
  /** Negative zero loses its sign. */
  coerces: boolean;
  alternate: boolean;
  width: number;
  group: string;
  precision: number | null;
  kind: string;
}

/**
 * A value as the specification behind a field's colon has it.
 * @throws {TemplateError} If the value's type doesn't know the specification.
 */
export function formatted(value: JinjaValue, text: string): string {
  if (text === "") return str(value);
  const isText = typeof value === "string" || value instanceof Markup;
  const number = isText ? undefined : asNumber(value);
  if (!isText && number === undefined) {
    throw new TemplateError(`unsupported format string passed to ${typeName(value)}.__format__`);
  }
  const spec = parsed(text, number === undefined);
  if (number === undefined) return aligned("", textOf(str(value), spec), spec);
  const isWhole = typeof number === "bigint" && !"eEfFgG%".includes(spec.kind || "d");
  const [prefix, digits, rest] = isWhole ? whole(number, spec) : float(asFloat(number), spec);
  const isBelow = isNegative(number) && !(spec.coerces && !/[1-9a-z]/i.test(digits));
  const sign = isBelow ? "-" : spec.sign === "-" ? "" : spec.sign;
  return aligned(
    sign + prefix,
    grouped(digits, sign.length + prefix.length + rest.length, spec) + rest,
    spec,
  );
}

function parsed(text: string, isText: boolean): Spec {
  const match = SPEC.exec(text);
  if (match === null) throw new TemplateError(`Invalid format specifier '${text}'`);
  const [fill, alignment, sign, coerces, alternate, zero, width, group, precision, kind] = match.slice(1);
  if (Number(width) > WIDEST) throw new TemplateError(`a format is wider than ${WIDEST}`);
  return {
    fill: fill ?? (zero ? "0" : " "),
    alignment: alignment ?? (isText ? "<" : zero ? "=" : ">"),
    sign: sign!,
    coerces: coerces !== "",
    alternate: alternate !== "",
    width: Number(width || 0),
    group: group!,
    precision: precision === undefined ? null : Number(precision),
    kind: kind!,
  };
}

function textOf(text: string, { sign, coerces, alternate, alignment, group, precision, kind }: Spec): string {
  if (kind !== "" && kind !== "s") {
    throw new TemplateError(`Unknown format code '${kind}' for object of type 'str'`);
  }
  const refused = sign
    ? "Sign"
    : coerces
    ? "Negative zero coercion"
    : alternate
    ? "Alternate form"
    : undefined;
  if (refused) throw new TemplateError(`${refused} not allowed in string format specifier`);
  if (alignment === "=") throw new TemplateError("'=' alignment not allowed in string format specifier");
  if (group) throw new TemplateError(`Cannot specify '${group}' with 's'`);
  return precision === null ? text : [...text].slice(0, precision).join("");
}

/** Prefix, digits and what follows them; the sign isn't there. */
type Written = [prefix: string, digits: string, rest: string];

function whole(value: bigint, { sign, coerces, alternate, group, precision, kind }: Spec): Written {
  if (!"bcdnoxX".includes(kind)) {
    throw new TemplateError(`Unknown format code '${kind}' for object of type 'int'`);
  }
  if (group && (kind === "c" || kind === "n" || (group === "," && "boxX".includes(kind || "d")))) {
    throw new TemplateError(`Cannot specify '${group}' with '${kind}'`);
  }
  if (precision !== null) throw new TemplateError("Precision not allowed in integer format specifier");
  if (coerces) throw new TemplateError("Negative zero coercion not allowed in integer format specifier");
  if (kind === "c") {
    if (sign || alternate) {
      throw new TemplateError("Sign or '#' not allowed with integer format specifier 'c'");
    }
    return ["", "", character(value)];
  }
  const hasPrefix = alternate && kind !== "" && "boxX".includes(kind);
  return [hasPrefix ? `0${kind}` : "", integerDigits(value, kind), ""];
}

function float(value: number, { alternate, group, precision, kind }: Spec): Written {
  if (!"eEfFgGn%".includes(kind)) {
    throw new TemplateError(`Unknown format code '${kind}' for object of type 'float'`);
  }
  if (group && kind === "n") throw new TemplateError(`Cannot specify '${group}' with 'n'`);
  const style = kind === "%"
    ? { kind: "f" }
    : kind === "n"
    ? { kind: "g" }
    : kind === ""
    ? { kind: precision === null ? "r" : "g", addsDecimal: true }
    : { kind };
  const text = floatDigits(kind === "%" ? value * 100 : value, { alternate, precision, ...style });
  const [, digits, rest] = /^(\d*)(.*)$/s.exec(text)!;
  return ["", digits!, rest! + (kind === "%" ? "%" : "")];
}

/** Digits in groups; zeros that fill the width are grouped with them. */
function grouped(digits: string, others: number, { group, fill, alignment, width, kind }: Spec): string {
  if (group === "" || digits === "") return digits;
  const size = kind !== "" && "boxX".includes(kind) ? 4 : 3;
  let count = digits.length;
  const isFilled = fill === "0" && alignment === "=";
  while (isFilled && count + Math.floor((count - 1) / size) + others < width) count++;
  const filled = digits.padStart(count, "0");
  const first = (count - 1) % size + 1;
  const groups = [filled.slice(0, first)];
  for (let i = first; i < count; i += size) groups.push(filled.slice(i, i + size));
  return groups.join(group);
}

function aligned(front: string, text: string, { fill, alignment, width }: Spec): string {
  const missing = Math.max(0, width - [...front + text].length);
  switch (alignment) {
    case "<":
      return front + text + fill.repeat(missing);
    case "^":
      return fill.repeat(Math.floor(missing / 2)) + front + text + fill.repeat(Math.ceil(missing / 2));
    case "=":
      return front + fill.repeat(missing) + text;
  }
  return fill.repeat(missing) + front + text;
}
