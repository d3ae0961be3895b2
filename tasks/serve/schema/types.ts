/**
 * Rules of one type's values.
 * @module
 */
import { arrayRule } from "./arrays.ts";
import type { JsonObject } from "./json.ts";
import { membersRule } from "./members.ts";
import { type Bounds, numberRule } from "./numbers.ts";
import { stringRule } from "./strings.ts";
import type { Within } from "./within.ts";

/**
 * The rule of a type's values that fit; null: there is none.
 * @param choice A schema without choices: see conjoin.ts
 * @throws {RangeError} With what can't be followed
 * @throws {GrammarTooLarge}
 */
export function ruleOfType(type: string, choice: JsonObject, within: Within): string | null {
  const { rules } = within;
  if (type === "object") return membersRule(choice, within);
  if (type === "array") return arrayRule(choice, within);
  if (type === "string") return stringRule(choice, within);
  if (type === "number" || type === "integer") {
    const names = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    const bounds = Object.fromEntries(
      names.filter((name) => choice[name] !== undefined).map((name) => [name, choice[name]]),
    );
    return numberRule(rules, type, bounds as Bounds);
  }
  return type === "null" ? '"null"' : '("true" | "false")';
}
