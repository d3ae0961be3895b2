import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";

import { parsePyJson, PyNumber, writePyJson } from "./python_json.ts";

Deno.test("writePyJson() writes what Python's json.dumps(json.loads(text), ensure_ascii=False) does", () => {
  const text =
    '{"b":1,"1":2.50,"c":1e3,"d":1E-7,"e":[],"f":{},"g":"é\\u0001\\/\\"\\ud83d\\ude00","h":12345678901234567890,"i":-0,"j":-0.0,' +
    '"k":1e16,"l":123456789012345.6,"m":0.0001,"n":0.00001,"o":[1,{"p":null}],"q":1.5e300}';
  // printed by Python 3.11
  const want =
    '{"b": 1, "1": 2.5, "c": 1000.0, "d": 1e-07, "e": [], "f": {}, "g": "é\\u0001/\\"😀", "h": 12345678901234567890, "i": 0, ' +
    '"j": -0.0, "k": 1e+16, "l": 123456789012345.6, "m": 0.0001, "n": 1e-05, "o": [1, {"p": null}], "q": 1.5e+300}';
  assertEquals(writePyJson(parsePyJson(text)), want);
});

Deno.test("parsePyJson() reads what Python's json reads beyond JSON", () => {
  const want = '{"a": [NaN, Infinity, -Infinity], "b": "NaN", "c": Infinity}'; // printed by Python 3.11
  assertEquals(writePyJson(parsePyJson('{"a":[NaN,Infinity,-Infinity],"b":"NaN","c":1e400}')), want);
});

Deno.test("writePyJson() indents as Python does", () => {
  const want =
    '{\n    "o": [\n        1,\n        {\n            "p": null,\n            "e": [],\n            "f": {}\n        }\n    ]\n}';
  assertEquals(writePyJson(parsePyJson('{"o":[1,{"p":null,"e":[],"f":{}}]}'), 4), want);
});

Deno.test("PyNumber keeps the digits of whole numbers and writes floats by repr", () => {
  const cases = [["5", "5"], ["5.0", "5.0"], ["-0.000123", "-0.000123"], ["1e22", "1e+22"], [
    "1e400",
    "Infinity",
  ]];
  for (const [source, want] of cases) assertEquals(new PyNumber(source!).text, want);
});

Deno.test("parsePyJson() reads any JSON with any white space, and nothing else", () => {
  fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), fc.nat(3), (value, indent) => {
    const text = JSON.stringify(value, null, indent);
    // key order of objects differs for keys such as "1", values don't
    assertEquals(JSON.parse(writePyJson(parsePyJson(text))), JSON.parse(text));
  }));
  for (const bad of ["", "{", "[1,]", "nul", '{"a" 1}', "'a'", "-NaN", "Infinity 1", "[NaN"]) {
    assertThrows(() => parsePyJson(bad), SyntaxError);
  }
});

Deno.test("parsePyJson() refuses what is nested too deep", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assertEquals(writePyJson(parsePyJson(nested(500))), nested(500));
  for (const depth of [501, 200_000]) assertThrows(() => parsePyJson(nested(depth)), Error);
  assertThrows(() => parsePyJson(nested(501)), SyntaxError, "nested more than 500 levels deep");
});
