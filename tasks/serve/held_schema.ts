/**
 * JSON schemas that the grammar can hold an answer to. The library passes over what it doesn't know and gets some of the rest
 * wrong, so a schema is taken by a list of what was found to hold, and everything else is refused by name.
 * @module
 */
import { badRequest } from "./api_error.ts";
import { disjoint, type JsonObject, jsonType, resolved } from "./disjoint_schemas.ts";

/** Keywords of each type of value. */
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  object: [
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
  ],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  boolean: [],
  null: [],
};

/** Keywords that narrow nothing. */
const NOTES =
  "title description default example examples deprecated readOnly writeOnly $comment $schema $id discriminator"
    .split(" ");

const CHOICES = ["anyOf", "oneOf", "allOf", "$ref"];

/** Formats that the library knows; it passes over others. */
const FORMATS =
  "date time date-time duration email hostname ipv4 ipv6 uri uri-reference uri-template uuid json-pointer relative-json-pointer"
    .split(" ");

/** A pattern whose characters are all written in JSON as they are, which the library doesn't see to. */
const PLAIN_PATTERN = (() => {
  const escape = String.raw`\\[dw.\-\/+*?()[\]{}|^$]`;
  const inClass = String
    .raw`(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|${escape}|[\w @#%&=!~';:,<>\/.+*?(){}|$])`;
  const atom = String.raw`(?:[\w @#%&=!~';:,<>\/-]|${escape}|\[${inClass}+-?\]|\((?:\?:)?|\)|\|)`;
  return new RegExp(String.raw`^\^(?:${atom}(?:[*+?]|\{\d+(?:,\d*)?\})?)*\$$`);
})();

/** Integers of a range that are listed one by one; the library's own ranges let others through. */
const LISTED = 1000;

/**
 * The schema as the grammar is given it: it takes nothing that the given one doesn't.
 * @param place Of the schema, for errors
 * @param param Field of the request at fault
 * @throws {ApiError} 400 with the keyword that can't be followed
 */
export function heldSchema(root: unknown, place: string, param: string): unknown {
  return held(root, place);

  function held(schema: unknown, place: string): unknown {
    const refuse = (what: string): never => {
      throw badRequest(`Cannot hold an answer to ${place}: ${what}`, param);
    };
    if (schema === true) return {};
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) {
      return refuse("a schema is an object");
    }
    const given = schema as JsonObject, fields = withoutNotes(given);
    const each = (name: string) =>
      Object.fromEntries(
        Object.entries((given[name] ?? {}) as JsonObject).map(([key, value]) => [
          key,
          held(value, `${place}.${name}.${key}`),
        ]),
      );
    const definitions = Object.fromEntries(
      ["$defs", "definitions"].filter((name) => Object.hasOwn(given, name)).map((name) => [name, each(name)]),
    );
    const known = [...CHOICES, "type", "enum", "const", ...Object.values(OF_TYPE).flat()];
    const unknown = Object.keys(fields).find((name) => !known.includes(name));
    if (unknown !== undefined) refuse(`the grammar can't follow ${unknown}`);
    return { ...definitions, ...narrowed() };

    function narrowed(): JsonObject {
      const choice = CHOICES.find((name) => Object.hasOwn(fields, name));
      if (choice !== undefined) return chosen(choice);
      if (Object.hasOwn(fields, "enum") || Object.hasOwn(fields, "const")) return listed();
      const types = typesOf();
      if (types.length === 0) return {};
      const foreign = Object.keys(fields).find((name) =>
        name !== "type" && !types.some((type) => OF_TYPE[type]?.includes(name))
      );
      if (foreign !== undefined) refuse(`${foreign} says nothing about the type ${types.join(" or ")}`);
      const made = types.map((type) => ({ type, ...ofType(type) }));
      return made.length > 1 ? { anyOf: made } : { ...made[0] };
    }

    function chosen(choice: string): JsonObject {
      const beside = Object.keys(fields).find((name) => name !== choice);
      if (beside !== undefined) {
        refuse(`the grammar can't follow ${beside} beside ${choice}; write it inside of each choice`);
      }
      const value = fields[choice];
      if (choice === "$ref") {
        if (typeof value !== "string" || !/^#(\/[^~%]*)?$/.test(value) || resolved(given, root) === null) {
          refuse(`its $ref leads to no schema inside of this one`);
        }
        return { $ref: value };
      }
      if (!Array.isArray(value) || value.length === 0) return refuse(`${choice} needs a list of schemas`);
      if (choice === "allOf" && value.length > 1) refuse("the grammar can't follow allOf of several schemas");
      const overlap = choice === "oneOf" &&
        value.some((a, i) => value.slice(i + 1).some((b) => !disjoint(a, b, root)));
      if (overlap) refuse("the choices of oneOf may overlap, which the grammar can't see; write anyOf");
      return { [choice]: value.map((one, i) => held(one, `${place}.${choice}[${i}]`)) };
    }

    function listed(): JsonObject {
      const { type, ...values } = fields;
      const beside = Object.keys(values).find((name) => name !== "enum" && name !== "const");
      if (beside !== undefined) refuse(`the grammar can't follow ${beside} beside enum or const`);
      const all: unknown = Object.hasOwn(fields, "const") ? [fields["const"]] : fields["enum"];
      if (!Array.isArray(all)) return refuse("enum needs a list");
      const types = [type ?? []].flat();
      const allowed = Object.hasOwn(fields, "const") && Array.isArray(fields["enum"])
        ? all.filter((value) => JSON.stringify(fields["enum"]).includes(JSON.stringify(value)))
        : all;
      const fitting = allowed.filter((value) => {
        const found = jsonType(value);
        return types.length === 0 || types.includes(found) ||
          found === "number" && Number.isInteger(value) && types.includes("integer");
      });
      return fitting.length === 0 ? refuse("no value fits it") : { enum: fitting };
    }

    function typesOf(): string[] {
      const { type } = fields;
      if (type !== undefined) {
        const types = [type].flat();
        const wrong = types.find((name) => typeof name !== "string" || !Object.hasOwn(OF_TYPE, name));
        return wrong === undefined && types.length > 0
          ? types as string[]
          : refuse(`type needs one of ${Object.keys(OF_TYPE).join(", ")}`);
      }
      // what says something about objects alone is meant for one
      const found = Object.keys(OF_TYPE).filter((name) =>
        name !== "integer" && Object.keys(fields).some((keyword) => OF_TYPE[name]?.includes(keyword))
      );
      return found.length < 2 ? found : refuse("it needs a type");
    }

    function ofType(type: string): JsonObject {
      const own = Object.fromEntries(
        Object.entries(fields).filter(([name]) => OF_TYPE[type]?.includes(name)),
      );
      if (type === "object") return ofObject(own);
      if (type === "array") return ofArray(own);
      if (type === "string") return ofString(own);
      return type === "integer" || type === "number" ? ofNumber(type, own) : {};
    }

    function ofObject({ unevaluatedProperties, ...own }: JsonObject): JsonObject {
      const { required = [], minProperties, maxProperties } = own;
      const properties = Object.keys((own["properties"] ?? {}) as JsonObject);
      const missing = [required].flat().find((name) => !properties.includes(name as string));
      if (missing !== undefined) {
        refuse(`the grammar can't require ${String(missing)}, which properties lacks`);
      }
      const quoted = properties.find((name) => JSON.stringify(name) !== `"${name}"`);
      if (quoted !== undefined) refuse(`the grammar can't write the name ${JSON.stringify(quoted)}`);
      const names = own["propertyNames"] as JsonObject | undefined;
      // of any name, as zod writes it for records
      if (names !== undefined && JSON.stringify(withoutNotes(names)) === '{"type":"string"}') {
        delete own["propertyNames"];
      }
      const more = own["additionalProperties"] ?? unevaluatedProperties;
      if (properties.length > 0) {
        const beside = ["patternProperties", "propertyNames"].find((name) => own[name] !== undefined) ??
          (more !== undefined && more !== false ? "additionalProperties" : undefined);
        if (beside !== undefined) {
          refuse(`the grammar can't keep names of ${beside} apart from those of properties; leave it out`);
        }
        return {
          properties: each("properties"),
          required,
          // a name of the list would be taken as another one, with any value
          additionalProperties: false,
          ...(minProperties !== undefined && { minProperties }),
          ...(maxProperties !== undefined && { maxProperties }),
        };
      }
      const patterns = Object.keys((own["patternProperties"] ?? {}) as JsonObject);
      if (patterns.length + Number(own["propertyNames"] !== undefined) > 1) {
        refuse("the grammar can't follow several patterns of names");
      }
      patterns.forEach(plain);
      if (patterns.length > 0) return { patternProperties: each("patternProperties") };
      if (own["propertyNames"] !== undefined) {
        if (more !== undefined && more !== true) {
          refuse("the grammar can't follow additionalProperties beside propertyNames");
        }
        return { propertyNames: held(own["propertyNames"], `${place}.propertyNames`) };
      }
      return {
        ...(more !== undefined && {
          additionalProperties: more === false ? false : held(more, `${place}.additionalProperties`),
        }),
        ...(minProperties !== undefined && { minProperties }),
        ...(maxProperties !== undefined && { maxProperties }),
      };
    }

    function ofArray(own: JsonObject): JsonObject {
      const { items, prefixItems, ...counts } = own;
      if (Array.isArray(items)) refuse("items needs a schema; a list of them is called prefixItems");
      return {
        ...counts,
        ...(items !== undefined && { items: items === false ? false : held(items, `${place}.items`) }),
        ...(prefixItems !== undefined && {
          prefixItems: [prefixItems].flat().map((one, i) => held(one, `${place}.prefixItems[${i}]`)),
        }),
      };
    }

    function ofString(own: JsonObject): JsonObject {
      const [first, other] = ["pattern", "format", "minLength", "maxLength"].filter((name) =>
        own[name] !== undefined
      );
      if (other !== undefined && first !== "minLength") {
        refuse(`the grammar can't follow ${first} beside ${other}`);
      }
      if (own["format"] !== undefined && !FORMATS.includes(own["format"] as string)) {
        refuse(`the grammar doesn't know the format; known are ${FORMATS.join(", ")}`);
      }
      if (own["pattern"] !== undefined) plain(own["pattern"]);
      return own;
    }

    function plain(pattern: unknown): void {
      if (typeof pattern === "string" && PLAIN_PATTERN.test(pattern)) return;
      refuse(
        "the grammar follows patterns from ^ to $ of letters, digits, plain signs, \\d, \\w, groups and sets, without . and [^…], " +
          "which it would let end the text",
      );
    }

    function ofNumber(type: string, own: JsonObject): JsonObject {
      const wrong = Object.entries(own).find(([, value]) => typeof value !== "number");
      if (wrong !== undefined) refuse(`${wrong[0]} needs a number`);
      const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum, exclusiveMaximum } = own as Record<
        string,
        number
      >;
      if (type === "number") {
        if (Object.keys(own).length === 0) return {};
        if (Object.keys(own).length === 1 && minimum === 0) return own;
        return refuse("the grammar can't hold numbers between bounds; use integer, or leave them out");
      }
      const least = Math.max(Math.ceil(minimum), Math.floor(exclusiveMinimum ?? -Infinity) + 1);
      const most = Math.min(Math.floor(maximum), Math.ceil(exclusiveMaximum ?? Infinity) - 1);
      if (least > most) refuse("no number is between its bounds");
      if (most - least < LISTED) {
        return { enum: Array.from({ length: most - least + 1 }, (_, i) => least + i) };
      }
      // as zod writes any integer
      const isOpen = most >= Number.MAX_SAFE_INTEGER;
      if (isOpen && least <= Number.MIN_SAFE_INTEGER) return {};
      if (isOpen && least === 0) return { minimum: 0 };
      return refuse(`the grammar can't hold integers to a range of more than ${LISTED}; leave out a bound`);
    }
  }
}

function withoutNotes(schema: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schema).filter(([name]) =>
      !NOTES.includes(name) && !name.startsWith("x-") && !["$defs", "definitions"].includes(name)
    ),
  );
}
