/** Operators of our own beyond what graphs give them: sizes that don't fit. */
import { assert, assertThrows } from "@std/assert";

import {
  floats,
  integers,
  OPERATOR_CALLS,
  type OperatorCall,
  type OperatorInput,
  operatorTest,
  runOperator,
  tiles,
} from "./_operator_calls.ts";

const FACTORS = "factors don't fit",
  BASE = "the base doesn't fit the product",
  LORA = "LoRA's factors don't fit";
const HEADS = "heads must be a multiple of kv_heads", Q_K = "q and k don't fit", K_V = "k and v don't fit q";
const CAP = "cap must be above 0, or 0 for none";
const UNTIL = "until and positions don't fit k", ONE_SHAPE = "inputs aren't of one shape";
const MATRIX = "weights must be a matrix",
  FORM = "weights must be float32, bfloat16, float16 or tiles of blocks";
const WEIGHT = "the weight doesn't fit x", ID = "an id is none of the vocabulary's";

/** What doesn't fit: a call's input by its number, or an attribute, and what is said. */
const WRONG: readonly [
  call: string,
  change: Record<number, OperatorInput> | OperatorCall["attrs"],
  said: string,
][] = [
  ["attention", { heads: 0 }, HEADS],
  ["attention", { kv_heads: 0 }, HEADS],
  ["attention", { heads: 1, kv_heads: 2 }, HEADS],
  ["attention", { window: -1 }, HEADS],
  ["attention", { cap: { float: -1 } }, CAP],
  ["attentionGrad", { cap: { float: NaN } }, CAP],
  ["label", { cap: { float: -1 } }, CAP],
  ["labelUnit", { cap: { float: -1 } }, CAP],
  ["attention", { 0: floats(2, 5) }, Q_K],
  ["attention", { 0: floats(4, 4) }, Q_K],
  ["attention", { 0: floats(8) }, Q_K],
  ["attention", { 1: floats(6) }, Q_K],
  // An axis more than there may be, the first two of which fit.
  ["attention", { 0: floats(2, 4, 1) }, Q_K],
  ["product", { 0: floats(2, 3, 1) }, FACTORS],
  ["product", { 1: floats(3, 4, 1) }, MATRIX],
  ["loraProduct", { 2: floats(3, 2, 1) }, LORA],
  ["turned", { 0: floats(3, 2, 1) }, FACTORS],
  ["turned", { 1: floats(3, 4, 1) }, FACTORS],
  ["rotary", { 0: floats(2, 8, 1) }, "cos doesn't fit x"],
  ["label", { 0: floats(2, 3, 1) }, "h and w don't fit"],
  ["label", { 1: floats(5, 3, 1) }, MATRIX],
  ["attention", { 1: floats(3, 3) }, K_V],
  ["attention", { 2: floats(2, 2) }, K_V],
  ["attention", { 2: floats(3, 3) }, K_V],
  ["attention", { 3: integers(3, 3) }, UNTIL],
  ["attention", { 4: integers(0, 1, 2, 3) }, UNTIL],
  ["attention", { 0: floats(2, 0), 1: floats(3, 0), 2: floats(3, 0) }, "heads need columns"],
  ["attentionGrad", { 0: floats(2, 4) }, "q and k don't have as many rows"],
  ["attentionGrad", { 3: floats(3, 2) }, "o and its gradient don't fit q"],
  ["attentionGrad", { 4: floats(2, 4) }, "o and its gradient don't fit q"],
  ["product", { 1: floats(2, 4) }, FACTORS],
  ["product", { 0: floats(6) }, FACTORS],
  ["product", { 1: floats(12) }, MATRIX],
  ["product", { 2: floats(2, 3) }, BASE],
  ["product", { 2: floats(1, 4) }, BASE],
  [
    "product",
    { 1: { data: new Int32Array(12), shape: [3, 4] } },
    FORM,
  ],
  ["transposed", { 1: floats(4, 2) }, FACTORS],
  ["productPair", { 2: floats(4, 5) }, FACTORS],
  ["loraProduct", { 2: floats(2, 2) }, LORA],
  ["loraProduct", { 3: floats(3, 4) }, LORA],
  ["loraProduct", { 3: floats(2, 3) }, LORA],
  ["loraProduct", { 2: floats(6) }, LORA],
  ["loraProduct", { 3: floats(8) }, LORA],
  ["loraProduct", { 4: floats(2, 3) }, BASE],
  ["loraTransposed", { 2: floats(2, 4) }, LORA],
  ["loraTransposed", { 3: floats(3, 2) }, LORA],
  ["loraPair", { 4: floats(2, 5) }, FACTORS],
  ["loraPair", { 6: floats(2, 4) }, LORA],
  ["turned", { 1: floats(2, 4) }, FACTORS],
  ["turned", { 0: floats(6) }, FACTORS],
  ["turned", { 1: floats(12) }, FACTORS],
  ["turned", { 2: floats(4, 2) }, BASE],
  ["swiglu", { 1: floats(3, 2) }, ONE_SHAPE],
  ["swiglu", { 0: floats(6), 1: floats(6) }, ONE_SHAPE],
  ["swigluGrad", { 2: floats(2, 2) }, ONE_SHAPE],
  ["geglu", { 1: floats(2, 2) }, ONE_SHAPE],
  ["rotary", { 1: floats(2, 3) }, "cos doesn't fit x"],
  ["rotary", { 1: floats(2, 0) }, "cos doesn't fit x"],
  ["rotary", { 1: floats(4) }, "cos doesn't fit x"],
  ["rotary", { 1: floats(1, 2) }, "cos and sin don't have x's rows"],
  ["rotary", { 2: floats(2, 1) }, "cos and sin don't have x's rows"],
  ["label", { 1: floats(5, 2) }, "h and w don't fit"],
  ["label", { 0: floats(3) }, "h and w don't fit"],
  ["label", { 2: integers(0, 1, 2) }, "there must be an id for each row of h"],
  ["label", { 2: integers(0, 5) }, ID],
  ["labelUnit", { 2: integers(-1, 0) }, ID],
  ["ofTiles", { 1: tiles(1, 1, 16 * 18 - 1) }, FORM],
  ["ofTiles", { 1: tiles(1, 16 * 18) }, FORM],
  // A tile of Q4_K has 256 columns; one of groups is known by bytes with a sign alone.
  ["ofTiles", { 1: tiles(1, 1, 16 * 144) }, FACTORS],
  ["ofTiles", { 1: tiles(1, 1, 16 * 36) }, FORM],
  ["ofTiles", { 1: tiles(1, 2, 16 * 18) }, FACTORS],
  ["rows", { 0: floats(15) }, MATRIX],
  ["rows", { 1: { data: Int32Array.of(4, 0), shape: [2, 1] } }, "ids aren't a vector"],
  ["rows", { 1: integers(4, 5) }, "an id is none of a row"],
  ["rows", { 1: integers(-1, 0) }, "an id is none of a row"],
  ["norm", { 1: floats(3) }, WEIGHT],
  ["norm", { 1: floats(0) }, WEIGHT],
  ["norm", { 1: floats(1, 4) }, WEIGHT],
  ["norm", { 0: floats(4) }, WEIGHT],
  ["normGrad", { 2: floats(1, 4) }, "the gradient doesn't fit x"],
  ["normGrad", { 3: floats(2, 3) }, "the base doesn't fit x"],
];

operatorTest("operators of our own give numbers for inputs that fit, and say of others what doesn't", () => {
  for (const [name, call] of Object.entries(OPERATOR_CALLS)) {
    for (const output of runOperator(call)) assert(output.every(Number.isFinite), name);
  }
  for (const [name, change, said] of WRONG) {
    const call = OPERATOR_CALLS[name]!, changed = new Map(Object.entries(change!));
    const inputs = call.inputs.map((given, i) => (changed.get(`${i}`) as OperatorInput | undefined) ?? given);
    const attrs = Object.fromEntries(
      Object.entries(call.attrs ?? {}).map(([key, value]) => [key, changed.get(key) ?? value]),
    ) as OperatorCall["attrs"];
    assertThrows(() => runOperator({ ...call, inputs, ...(attrs && { attrs }) }), Error, said);
  }
});
