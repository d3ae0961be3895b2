/** Expectations worked out with Python 3.11's `re.findall`. */
import { assertEquals, assertThrows } from "@std/assert";
import { pythonRegExp } from "./python_regexp.ts";

const findAll = (pattern: string, text: string, flags = "") =>
  text.match(pythonRegExp(pattern, flags + "g")) ?? [];

Deno.test("pythonRegExp() ends lines at \\n only", () => {
  assertEquals(findAll("a.b", "a\rb a\u2028b a\nb"), ["a\rb", "a\u2028b"]);
  assertEquals(findAll("^x$", "x\ny\rx\nx", "m"), ["x", "x"]);
  assertEquals(findAll("x$", "x\n"), ["x"]);
  assertEquals(findAll("x$", "x\n\n"), []);
  assertEquals(findAll("x$", "x\r"), []);
  assertEquals(findAll(String.raw`x\Z`, "x\n"), []);
});

Deno.test("pythonRegExp() finds no place inside of a character of two UTF-16 units", () => {
  const text = "a👍b\n𝐁!👍👍\n";
  const places = (flags: string) =>
    ["$", "^", "\\b", "\\B", "\\A", "\\Z"].map((p) => findAll(p, text, flags).length);
  assertEquals(places(""), [2, 1, 6, 4, 1, 1]);
  assertEquals(places("m"), [3, 3, 6, 4, 1, 1]);
});

Deno.test("pythonRegExp() has Python's sets of characters", () => {
  assertEquals(findAll(String.raw`\w+`, "naïve_2 नमस्ते a¹½ e\u0301x"), [
    "naïve_2",
    "नमस",
    "त",
    "a¹½",
    "e",
    "x",
  ]);
  assertEquals(findAll(String.raw`\s`, "a\u0085b\ufeffc\x1cd\u3000"), ["\u0085", "\x1c", "\u3000"]);
  assertEquals(findAll(String.raw`\d+`, "12 ٣٤ ½ ²"), ["12", "٣٤"]);
  assertEquals(findAll(String.raw`[^\W\d]+`, "ab1_é"), ["ab", "_é"]);
  assertEquals(findAll(String.raw`\bé\b`, "é éa _é é"), ["é", "é"]);
  assertEquals(findAll(String.raw`\Ba`, "ba a"), ["a"]);
});

Deno.test("pythonRegExp() ignores case by Unicode", () => {
  assertEquals(findAll("straße|k", "STRAßE K k K", "i"), ["STRAßE", "K", "k", "K"]);
  assertEquals(findAll("(?i)ÉT", "ét"), ["ét"]);
  // Python folds Turkish i's too
  assertEquals(findAll("Ix", "ix İx ıx ex", "i"), ["ix", "İx", "ıx"]);
  assertEquals(findAll("[a-j]x|[^i]y", "İx ix ıx kx ıy ey", "i"), ["İx", "ix", "ıx", "ey"]);
  assertEquals(findAll("ix", "İx ıx"), []);
});

Deno.test("pythonRegExp() reads Python's own syntax", () => {
  assertEquals(findAll(String.raw`(?P<q>['"]).*?(?P=q)`, `'a' "b"`), ["'a'", '"b"']);
  assertEquals(findAll("a{,2}b", "aaab"), ["aab"]);
  assertEquals(findAll("{x}|]", "{x} ]"), ["{x}", "]"]);
  assertEquals(findAll(String.raw`\-\!\/\"\x41\u00e9[]\-a-c^]`, String.raw`-!/"Aéb`), ['-!/"Aéb']);
  assertEquals(findAll("a(?#comment)b", "ab"), ["ab"]);
  assertEquals(findAll(String.raw`(a)\1`, "aa"), ["aa"]);
});

Deno.test("pythonRegExp() refuses what is malformed or not supported", () => {
  for (
    const bad of [
      "(",
      "a)",
      "[a",
      "*a",
      "\\",
      String.raw`\y`,
      "a++",
      "(?>a)",
      "(?(1)a|b)",
      "a{2,1}",
      String.raw`\b?\b`,
      String.raw`\B{2}`,
      "^*",
      "$?",
    ]
  ) {
    assertThrows(() => pythonRegExp(bad), SyntaxError, `Cannot read "${bad}"`);
  }
});
