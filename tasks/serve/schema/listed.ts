/**
 * Values of `enum` and `const` that the keywords beside them take as well.
 * @module
 */
import { isMultiple } from "./decimals.ts";
import { hasType, type JsonObject } from "./json.ts";
import { OF_TYPE } from "./keywords.ts";
import { expressionsOf } from "./strings.ts";
import type { Within } from "./within.ts";

/**
 * The values that fit.
 * @param choice A schema without choices, `type`, `pattern` and `format` as lists
 * @param refuse Told which keyword can't be followed beside `enum`
 */
export function listedValues(choice: JsonObject, refuse: Within["refuse"]): unknown[] {
  const types = choice["type"] as string[] | undefined;
  return (choice["enum"] as unknown[]).filter((value) => {
    if (types !== undefined && !hasType(value, types)) return false;
    if (typeof value === "number") return numberFits(value, choice as Record<string, number>);
    if (typeof value === "string") return textFits(value, choice, refuse);
    const type = Array.isArray(value) ? "array" : "object";
    const beside = typeof value === "object" && value !== null
      ? OF_TYPE[type]?.find((name) => choice[name] !== undefined)
      : undefined;
    return beside === undefined ? true : refuse(`the grammar can't follow ${beside} beside enum or const`);
  });
}

function numberFits(value: number, bounds: Record<string, number>): boolean {
  const {
    minimum = -Infinity,
    maximum = Infinity,
    exclusiveMinimum = -Infinity,
    exclusiveMaximum = Infinity,
  } = bounds;
  const { multipleOf } = bounds;
  return value >= minimum && value <= maximum && value > exclusiveMinimum && value < exclusiveMaximum &&
    (multipleOf === undefined || isMultiple(value, multipleOf));
}

function textFits(value: string, choice: JsonObject, refuse: Within["refuse"]): boolean {
  const { minLength = 0, maxLength = Infinity } = choice as Record<string, number>;
  const count = [...value].length;
  return count >= minLength && count <= maxLength &&
    expressionsOf(choice, refuse).every((expression) => new RegExp(expression, "u").test(value));
}
