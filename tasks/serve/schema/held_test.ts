/** Schemas of requests: what the grammar takes fits them, and what it can't hold to is refused by name. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { ApiError } from "../api_error.ts";
import { writtenGrammar } from "../grammar/compile.ts";
import { callMask, grammarMask, type GrammarOptions } from "../grammar/grammar.ts";
import { grammarHere } from "../../../tests/helpers/grammar_here.ts";

const MODEL = new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(MODEL);
const vocabSize = 304, end = tokenizer.eosId ?? NaN;

const optionsOf = (schema: Record<string, unknown>): GrammarOptions =>
  grammarMask({ type: "json_schema", json_schema: { name: "x", schema } })?.options as GrammarOptions;

/** True if an answer may be this text. */
async function takes(options: GrammarOptions, text: string): Promise<boolean> {
  const mask = await grammarHere(options, { tokenizer, vocabSize, endIds: [end] });
  try {
    for (const id of [...tokenizer.encode(text), end]) mask.accept(id);
    return true;
  } catch {
    return false;
  } finally {
    mask.dispose?.();
  }
}

const thing = (kind: string, more: unknown) => ({
  type: "object",
  properties: { kind: { const: kind }, value: more },
  required: ["kind", "value"],
});

// which of the texts fit is what JSON Schema says (each was compared with Ajv 8)
const HELD: [schema: Record<string, unknown>, fit: string[], not: string[]][] = [
  [
    { properties: { a: { type: "integer" }, b: { type: "string" } }, required: ["a"] },
    ['{"a": 1}', '{"a": 1, "b": "x"}'],
    ["{}", '{"a": "x"}', '{"a": 1, "b": {}}', '{"a": 1, "a": "x"}'],
  ],
  [{ type: "integer", minimum: 33, maximum: 804 }, ["33", "804"], ["32", "805", "26805"]],
  [{ type: "integer", exclusiveMinimum: -4, maximum: -2.5 }, ["-3"], ["-4", "-2", "0"]],
  // by hand: 10ⁿ leaves 1 when it is divided by 3
  [{ enum: [0.3, 0.35, -0.2, 1e20, 999999999999999], multipleOf: 0.1 }, [
    "0.3",
    "-0.2",
    "100000000000000000000",
  ], ["0.35"]],
  [{ enum: [1e20, 999999999999999], multipleOf: 3 }, ["999999999999999"], ["100000000000000000000"]],
  [{ maxItems: 1, items: { type: "null" } }, ["[]", "[null]"], ["[null, null]", "[1]"]],
  [{ minLength: 2 }, ['"ab"'], ['"a"']],
  [{ pattern: "^[a-c]{2}-\\d$" }, ['"ab-1"'], ['"a-1"', '"ab-1", "x"']],
  [{ type: ["string", "null"], enum: ["a", null, 5] }, ['"a"', "null"], ["5"]],
  [{ oneOf: [thing("n", { type: "integer" }), thing("s", { type: "string" })] }, [
    '{"kind": "n", "value": 1}',
    '{"kind": "s", "value": "x"}',
  ], ['{"kind": "s", "value": 1}']],
  [
    {
      $ref: "#/$defs/list",
      $defs: { list: { anyOf: [{ type: "null" }, { items: { $ref: "#/$defs/list" } }] } },
    },
    ["null", "[[null], []]"],
    ["[1]"],
  ],
  [{ additionalProperties: { type: "boolean" }, propertyNames: { type: "string" } }, ['{"x": true}'], [
    '{"x": 1}',
  ]],
];

Deno.test("an answer held to a schema fits it", async () => {
  for (const [schema, fit, not] of HELD) {
    const options = optionsOf(schema);
    for (const text of fit) {
      assertEquals(await takes(options, text), true, `${JSON.stringify(schema)} ${text}`);
    }
    for (const text of not) {
      assertEquals(await takes(options, text), false, `${JSON.stringify(schema)} ${text}`);
    }
  }
});

Deno.test("lengths are counted to the character, within blocks and at their ends", async () => {
  const lengths = [[0, 1], [0, 64], [0, 65], [0, 96], [31, 32], [64, 64], [65, 65], [97, 200], [
    130,
    Infinity,
  ], [0, 10_000]];
  for (const [least = 0, most = 0] of lengths) {
    const options = optionsOf({
      type: "string",
      minLength: least,
      ...(most < Infinity && { maxLength: most }),
    });
    const counts = [
      0,
      least - 1,
      least,
      least + 1,
      least + 32,
      most - 33,
      most - 32,
      most - 1,
      most,
      most + 1,
    ];
    for (const count of new Set(counts.filter((one) => one >= 0 && one < 300))) {
      // characters of one byte and of two, and an escape
      const text = JSON.stringify('aé"'.repeat(count).slice(0, count));
      assertEquals(
        await takes(options, text),
        least <= count && count <= most,
        `${least} to ${most}: ${count}`,
      );
    }
  }
});

const REFUSED: [schema: Record<string, unknown>, words: string][] = [
  [{ type: "integer", minimum: 5, maximum: 3 }, "no value fits it: see its bounds"],
  [{ type: "string", maxLength: 10_001 }, "counts up to 10000 characters: current value is 10001"],
  [{ type: "number", multipleOf: 0 }, "multipleOf needs a number above 0"],
  [{ type: "integer", multipleOf: 10007 }, "too many remainders"],
  [{ type: "string", pattern: "a\\b" }, "at its begin and end alone"],
  [{ type: "string", pattern: "(a+)b\\1" }, "isn't an expression that can be followed"],
  [{ type: "string", pattern: "(" }, "isn't an expression"],
  [{ type: "string", pattern: `${"(".repeat(20_000)}a${")".repeat(20_000)}` }, "within each other too deep"],
  [{ type: "string", pattern: `^(${"abcde|".repeat(2500)})$` }, "256 states"],
  [{ type: "string", pattern: "^(?=.*a).{900}$" }, "256 states"],
  [
    {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`p${i}`, {}])),
    },
    "use fewer properties",
  ],
  [{ type: "string", format: "byte" }, "doesn't know the format byte"],
  [{ type: "string", format: "e-mail" }, 'the format e-mail - did you mean "email"?'],
  [{ type: "string", format: "toString" }, "doesn't know the format toString"],
  [{ enum: ["a"], format: "byte" }, "doesn't know the format byte"],
  [{ type: "string", format: "date", minLength: 20 }, "no value fits it"],
  [{ type: "string", enum: ["a"], maxLength: 0 }, "no value fits it"],
  [{ type: "integer", const: "a" }, "no value"],
  [{ type: "object", dependencies: { a: ["b"] } }, "dependencies"],
  [{ type: "object", dependentRequired: { a: ["b"] } }, "dependentRequired"],
  [{ type: "array", uniqueItems: true, items: { type: "string" } }, "uniqueItems where items lists"],
  [{ type: "array", contains: {} }, "contains"],
  [{ type: "array", items: [{}] }, "prefixItems"],
  [{ type: "array", maxItems: 5000 }, "counts up to 1000"],
  [{ type: "array", minItems: -1 }, "minItems needs a whole number from 0 on: current value is -1"],
  [{ type: "object", patternProperties: { "^a": {}, "b$": {} } }, "the same name may match"],
  [{ type: "object", minProperties: 2 }, "no value fits it"],
  [{ oneOf: [{ type: "integer" }, { type: "number" }] }, "may overlap"],
  [{ $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } }, "leads to no schema"],
  [{ $ref: "other.json" }, "leads to no schema"],
  [
    { $ref: "#/$defs/a", $defs: { a: { properties: { b: { $ref: "#/$defs/a" } }, required: ["b"] } } },
    "needs itself",
  ],
  [{ allOf: [{ $ref: "#" }, { type: "object" }] }, "leads back to itself"],
  [{ type: "text" }, "type needs one of object"],
  [{ minLength: 1, minimum: 1 }, "needs a type"],
  [{ type: "object", requird: ["a"] }, 'requird - did you mean "required"?'],
  [
    { type: "object", properties: { a: { items: { not: {} } } } },
    "properties.a.items: the grammar can't follow not",
  ],
];

Deno.test("what a grammar can't hold an answer to is refused by name", () => {
  for (const [schema, words] of REFUSED) {
    const options = optionsOf(schema);
    const error = assertThrows(() => writtenGrammar(options), MaskError);
    assertStringIncludes(error.message, words, JSON.stringify(schema).slice(0, 300));
    assertEquals(options.param, "response_format");
  }
});

Deno.test("a call's arguments are an object, whatever the tool's parameters leave open", async () => {
  for (const parameters of [{}, { properties: { a: { type: "integer" } } }]) {
    const { options } = callMask([{ name: "f", parameters }], ["", " ", ""]);
    assertEquals(await takes(options as GrammarOptions, '"f" {"a": 1}'), true);
    for (const text of ['"f" 5', '"f" "x"', '"f" []']) {
      assertEquals(await takes(options as GrammarOptions, text), false, text);
    }
  }
  const wrong = { name: "f", parameters: { type: "string" } };
  assertThrows(() => callMask([wrong], ["", " ", ""]), ApiError, "has to be object");
});
