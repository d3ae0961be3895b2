/**
 * Items of a request of which each says its type, and errors that name their place.
 * @module
 */
import type { z } from "zod";

import { shown } from "../../../formats/message.ts";
import { ApiError, badRequest } from "../api_error.ts";
import { readFields } from "./fields.ts";

/** Where an item stands, and what it says it is. */
export interface TypedPlace {
  /** Such as `input[2]`. */
  place: string;
  /** Its type, as the client wrote it. */
  type: unknown;
  /** What to do about types that others read. */
  instead?: Readonly<Record<string, string>>;
}

/**
 * An item by the schema of its type.
 * @throws {ApiError} 400 if none of the schemas is of its type, or a field is at fault
 */
export function readTyped<S extends Readonly<Record<string, z.ZodObject>>>(
  schemas: S,
  item: unknown,
  { place, type, instead = {} }: TypedPlace,
): z.output<S[keyof S]> {
  const schema = typeof type === "string" && Object.hasOwn(schemas, type)
    ? schemas[type as keyof S]
    : undefined;
  if (schema === undefined) {
    const why = typeof type === "string" && Object.hasOwn(instead, type)
      ? instead[type]
      : `read are ${Object.keys(schemas).join(", ")}`;
    throw badRequest(`Cannot use ${place} of type ${shown(type)}: ${why}`, `${place}.type`);
  }
  try {
    return readFields(schema, item) as z.output<S[keyof S]>;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { param } = error.fields;
    throw badRequest(`${place}: ${error.message}`, param == null ? place : `${place}.${param}`);
  }
}
