/**
 * Arguments of functions, filters and methods.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { asIndex } from "./operators.ts";
import { asText, type JinjaValue, type Kwargs, TemplateError, typeName, Undefined } from "./values.ts";

/** Arguments by parameter; what wasn't given is undefined. */
export type BoundArguments = Record<string, JinjaValue | undefined>;

/**
 * Gives arguments to parameters as Python does.
 * @param parameters Names, the last ones optional where they end in `?`.
 * @throws {TemplateError} If there are too many or too few.
 */
export function bind(
  name: string,
  parameters: readonly string[],
  args: readonly JinjaValue[],
  kwargs: Kwargs,
): BoundArguments {
  const bound: BoundArguments = {};
  const names = parameters.map((parameter) => parameter.replace("?", ""));
  if (args.length > names.length) {
    throw new TemplateError(`${name}() takes at most ${names.length} arguments (${args.length} given)`);
  }
  args.forEach((value, i) => bound[item(names, i)] = value);
  for (const [key, value] of kwargs) {
    if (!names.includes(key)) {
      throw new TemplateError(`${name}() got an unexpected keyword argument '${key}'`);
    }
    if (bound[key] !== undefined) {
      throw new TemplateError(`${name}() got multiple values for argument '${key}'`);
    }
    bound[key] = value;
  }
  for (const parameter of parameters) {
    if (!parameter.endsWith("?") && bound[parameter] === undefined) {
      throw new TemplateError(`${name}() missing required argument '${parameter}'`);
    }
  }
  return bound;
}

/** An argument that must be text. @throws {TemplateError} If it isn't */
export function textOf(value: JinjaValue | undefined, name: string): string {
  const text = asText(value);
  if (text !== undefined) return text;
  if (value instanceof Undefined) value.fail();
  throw new TemplateError(
    `${name}() argument must be str, not ${value === undefined ? "nothing" : typeName(value)}`,
  );
}

/** An argument that must be a whole number. @throws {TemplateError} If it isn't */
export function indexOf(value: JinjaValue | undefined, name: string, otherwise?: number): number {
  if (value === undefined && otherwise !== undefined) return otherwise;
  const index = value === undefined ? undefined : asIndex(value);
  if (index !== undefined) return index;
  if (value instanceof Undefined) value.fail();
  throw new TemplateError(
    `${name}() argument must be int, not ${value === undefined ? "nothing" : typeName(value)}`,
  );
}
