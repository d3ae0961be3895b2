/** Random answers of the grammar, token by token as a model's sampling draws them, checked by Ajv (with formats, as it comes). */
import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { grammarMask, type GrammarOptions } from "../grammar/grammar.ts";
import { grammarHere } from "../../../tests/helpers/grammar_here.ts";

const MODEL = new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(MODEL);
const vocabSize = 304, end = tokenizer.eosId ?? NaN;
const vocabulary = { tokenizer, vocabSize, endIds: [end] };

const ajv = new Ajv2020({ strict: false, allErrors: true, multipleOfPrecision: 9 });
// deno-lint-ignore no-explicit-any
(formats as any)(ajv);

/** Numbers below a limit, the same ones in each run (a linear congruence). */
function dice(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

const CLOSING = ['"', "]", "}"].map((sign) => tokenizer.encode(sign)[0]);

async function answer(options: GrammarOptions, roll: (limit: number) => number): Promise<string> {
  const mask = await grammarHere(options, vocabulary);
  const words = new Int32Array(Math.ceil(vocabSize / 32)), ids: number[] = [];
  for (let step = 0; step < 2000; step++) {
    mask.fill(words);
    const allowed = Array.from({ length: vocabSize }, (_, id) => id)
      .filter((id) => ((words[id >> 5] ?? 0) >> (id & 31) & 1) === 1);
    assert(allowed.length > 0, `no token may follow ${tokenizer.decode(ids)}`);
    // texts and lists end soon
    const closing = roll(16) < Math.min(step / 12, 8)
      ? allowed.filter((id) => id === end || CLOSING.includes(id))
      : [];
    const choices = closing.length > 0 ? closing : allowed;
    const id = choices[roll(choices.length)] ?? end;
    mask.accept(id);
    if (id === end) break;
    ids.push(id);
  }
  mask.dispose?.();
  return tokenizer.decode(ids);
}

const text = { type: "string" }, whole = { type: "integer" };
const SCHEMAS: Record<string, unknown>[] = [
  { type: "number", minimum: 0, maximum: 1 },
  { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
  { type: "number", exclusiveMinimum: -0.5, maximum: 1234.5 },
  { type: "number", minimum: -273.15 },
  { type: "number", exclusiveMaximum: -1e-7 },
  { type: "number", exclusiveMinimum: 0.30000000000000004, maximum: 0.31 },
  { type: "number", minimum: 99.5, maximum: 100.5, multipleOf: 0.25 },
  { type: "number", multipleOf: 0.01, minimum: -3, maximum: 20 },
  { type: "integer", minimum: 33, maximum: 26804 },
  { type: "integer", exclusiveMinimum: -70000, exclusiveMaximum: -9 },
  { type: "integer", minimum: 18 },
  { type: "integer", maximum: 100, multipleOf: 7 },
  { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 },
  { type: "integer", multipleOf: 2.5, minimum: 1, maximum: 1000 },
  { type: "string", minLength: 2, maxLength: 5 },
  { type: "string", minLength: 3, maxLength: 100 },
  { type: "string", minLength: 70, maxLength: 2000 },
  { type: "string", pattern: '^[^a-z"]+$', maxLength: 12 },
  { type: "string", pattern: "[^b]\\d" },
  { type: "string", pattern: "^.{1,9}$" },
  { type: "string", pattern: "^(?=.*\\d)(?!12)[a-z\\d]{3,9}$" },
  { type: "string", pattern: "^\\s*\\S+(\\\\|\\/)\\W$", maxLength: 5 },
  { type: "string", pattern: "^[à-ž]{2,4}[^é]$" },
  { type: "string", pattern: "^\\p{Lu}|x$", maxLength: 6 },
  ...("date time date-time duration email hostname ipv4 ipv6 uri uri-reference uri-template uuid json-pointer relative-json-pointer"
    .split(" ").map((format) => ({ type: "string", format }))),
  { type: "string", format: "email", maxLength: 12 },
  { type: "array", minItems: 2, maxItems: 4, items: whole },
  { type: "array", prefixItems: [text, whole], minItems: 1 },
  { type: "array", prefixItems: [text, whole], items: { type: "null" }, minItems: 3, maxItems: 5 },
  { type: "array", uniqueItems: true, minItems: 2, items: { enum: ["a", "b", 3, null] } },
  { properties: { a: whole, b: text, c: { type: "null" } }, required: ["b"], additionalProperties: true },
  { properties: { a: whole, ab: text }, additionalProperties: { type: "boolean" }, minProperties: 2 },
  { properties: { a: whole, b: whole, c: whole, d: whole }, minProperties: 2, maxProperties: 3 },
  { patternProperties: { "^n": whole, "^s\\d": text }, additionalProperties: { type: "null" } },
  {
    properties: { n1: { minimum: 5 } },
    patternProperties: { "^n": { type: "integer", maximum: 50 } },
    required: ["n1"],
  },
  { propertyNames: { pattern: "^[a-c]{2}$" }, additionalProperties: whole, maxProperties: 3 },
  { propertyNames: { enum: ["x", "y"] }, type: "object" },
  { type: ["string", "number", "null"], minLength: 3, minimum: 10 },
  { enum: ["x", 12, null, { a: [1, "é"] }, "longer"], maxLength: 3, maximum: 20 },
  {
    allOf: [{ type: "object", properties: { a: whole }, required: ["a"] }, {
      properties: { b: text },
      required: ["b"],
    }],
  },
  { type: "object", properties: { a: whole, b: whole }, anyOf: [{ required: ["a"] }, { required: ["b"] }] },
  { allOf: [{ type: "number", minimum: 3 }, { type: "integer", maximum: 9 }, { multipleOf: 2 }] },
  {
    type: "object",
    properties: { kind: text },
    oneOf: [
      { properties: { kind: { const: "n" }, v: whole }, required: ["kind", "v"], type: "object" },
      { properties: { kind: { const: "s" }, v: text }, required: ["kind", "v"], type: "object" },
    ],
  },
  {
    $defs: { base: { type: "object", properties: { id: whole }, required: ["id"] } },
    allOf: [{ $ref: "#/$defs/base" }],
    properties: { more: { $ref: "#/$defs/base", description: "of the same kind" } },
    unevaluatedProperties: false,
  },
  {
    $ref: "#/$defs/tree",
    $defs: {
      tree: {
        type: "object",
        properties: {
          value: { type: "boolean" },
          inside: { type: "array", maxItems: 2, items: { $ref: "#/$defs/tree" } },
        },
        required: ["value"],
        additionalProperties: false,
      },
    },
  },
  { type: "object", properties: { a: {}, 'q"\\\n': whole }, required: ["a", 'q"\\\n'] },
];

Deno.test("answers of the grammar are what Ajv takes for the schema", async () => {
  const roll = dice(1), each = Deno.env.has("TEST_ALL") ? 100 : 5;
  for (const schema of SCHEMAS) {
    const options = grammarMask({ type: "json_schema", json_schema: { name: "x", schema } })?.options;
    const fits = ajv.compile(schema), different = new Set<string>();
    for (let i = 0; i < each; i++) {
      const made = await answer(options as GrammarOptions, roll);
      different.add(made);
      let value: unknown;
      try {
        value = JSON.parse(made);
      } catch {
        throw new Error(`${JSON.stringify(schema)}: ${made} is no JSON`);
      }
      assertEquals(fits(value), true, `${JSON.stringify(schema)}: ${made}: ${ajv.errorsText(fits.errors)}`);
    }
    assert(different.size > 1, `${JSON.stringify(schema)} gave one answer`);
  }
});
