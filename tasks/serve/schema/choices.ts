/**
 * A JSON schema as choices of schemas without choices, so that each can be made a rule by its type.
 * @module
 */
import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { conjoined } from "./conjoin.ts";
import { disjoint, resolved } from "./disjoint.ts";
import type { JsonObject } from "./json.ts";
import { schemaKeywords } from "./keywords.ts";

/** Schemas that hold at once, as choices of schemas without choices. */
const CHOICES_AT_ONCE = 64;

/** Refuses a schema at a place: throws a {@linkcode MaskError} with the keyword that can't be followed. */
export function refuse(place: string): (what: string) => never {
  return (what) => {
    throw new MaskError(`Cannot hold an answer to ${place}: ${what}`);
  };
}

/** Schemas inside of one whose references are known. */
export class Choices {
  /** @param root The whole schema, decoded from JSON */
  constructor(private readonly root: unknown) {}

  /**
   * A schema as choices of schemas that have none, and no `$ref`.
   * @param behind `$ref`s that led here
   * @throws {MaskError} With the place and the keyword that can't be followed
   */
  of(schema: unknown, place: string, behind: readonly string[] = []): JsonObject[] {
    if (schema === true) return [{}];
    if (schema === false) return [];
    const no = refuse(place);
    const { anyOf, oneOf, allOf, $ref, unevaluatedProperties, nullable, ...own } = keywordsOf(schema, place);
    if (Array.isArray(oneOf)) this.checkApart(oneOf, place);
    let made = [normal(own, nullable === true)];
    const each = (list: unknown, name: string) =>
      ((list ?? []) as unknown[]).map((one, i) => this.of(one, `${place}.${name}[${i}]`, behind));
    for (const more of each(allOf, "allOf")) made = product(made, more, no);
    if (typeof $ref === "string") {
      if (behind.includes($ref)) no(`${$ref} leads back to itself beside other keywords`);
      made = product(made, this.of(this.target($ref, place), place, [...behind, $ref]), no);
    }
    if (anyOf !== undefined) made = product(made, each(anyOf, "anyOf").flat(), no);
    if (oneOf !== undefined) made = product(made, each(oneOf, "oneOf").flat(), no);
    if (unevaluatedProperties === undefined) return made;
    return made.map((one) => ({ additionalProperties: unevaluatedProperties, ...one }));
  }

  /** The schema that a `$ref` leads to. */
  target(pointer: string, place: string): JsonObject {
    const found = /^#(\/[^~%]*)?$/.test(pointer) ? resolved({ $ref: pointer }, this.root) : null;
    return found ?? refuse(place)("its $ref leads to no schema inside of this one");
  }

  /** Refuses choices of which two may hold at once. */
  checkApart(list: readonly unknown[], place: string): void {
    if (list.some((a, i) => list.slice(i + 1).some((b) => !disjoint(a, b, this.root)))) {
      refuse(place)("the choices of oneOf may overlap, which the grammar can't see; write anyOf");
    }
  }
}

/** Keywords of a schema that is an object. */
export function keywordsOf(schema: unknown, place: string): JsonObject {
  const no = refuse(place);
  return typeof schema === "object" && schema !== null && !Array.isArray(schema)
    ? schemaKeywords(schema as JsonObject, no)
    : no("a schema is an object");
}

function product(first: readonly JsonObject[], second: readonly JsonObject[], no: (what: string) => never) {
  if (first.length * second.length > CHOICES_AT_ONCE) {
    no(`it has more than ${CHOICES_AT_ONCE} choices at once; write them apart`);
  }
  return first.flatMap((a) => second.map((b) => conjoined(a, b))).filter((both) => both !== null);
}

/** Keywords in the form in which two schemas are joined: lists of types, values, patterns and formats. */
function normal({ type, const: value, ...fields }: JsonObject, isNullable: boolean): JsonObject {
  const { enum: listed, pattern, format, ...others } = fields;
  const types = type === undefined ? undefined : [...[type].flat(), ...isNullable ? ["null"] : []];
  const values = value === undefined ? listed : [value];
  const kept = value === undefined || listed === undefined
    ? values
    : (listed as unknown[]).filter((one) => JSON.stringify(one) === JSON.stringify(value));
  return {
    ...others,
    ...(types !== undefined && { type: [...new Set(types)] }),
    ...(kept !== undefined && { enum: kept }),
    ...(pattern !== undefined && { pattern: [pattern] }),
    ...(format !== undefined && { format: [format] }),
  };
}
