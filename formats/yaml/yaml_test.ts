import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";

import { parseYaml, parseYamlValue, readYaml } from "./yaml.ts";

const files = (entries: Record<string, string>) => (path: string): string => {
  const found = Object.entries(entries).find(([name]) => path.endsWith(`/${name}`));
  if (!found) throw new Error("no such file");
  return found[1];
};

Deno.test("parseYaml() reads 5e-6 as a number, no as text, and quoted numbers as text", () => {
  assertEquals(
    parseYaml(
      "a: 5e-6\nb: 5.0e-6\nc: '1e-4'\nd: no\ne: true\nf:\ng: 0x10\nh: [1, x, 0.5, 0, -0.1]\n",
      "t.yaml",
    ).value,
    {
      a: 5e-6,
      b: 5e-6,
      c: "1e-4",
      d: "no",
      e: true,
      f: null,
      g: 16,
      h: [1, "x", 0.5, 0, -0.1],
    },
  );
});

Deno.test("parseYaml() keeps the place of every key and item", () => {
  const { place, isPlain } = parseYaml("a: 1\nb:\n  c: yes\n  d:\n    - 1\n    - 'x'\n", "t.yaml");
  assertEquals(place(["b", "c"]), { file: "t.yaml", line: 3, column: 3 });
  assertEquals(place(["b", "d", 1]), { file: "t.yaml", line: 6, column: 7 });
  assertEquals(place(["b", "nope"]), undefined);
  assertEquals(isPlain(["b", "c"]), true);
  assertEquals(isPlain(["b", "d", 1]), false);
});

Deno.test("parseYaml() reads JSON, tabs included", () => {
  const { value, place } = parseYaml('{\n\t"a": 1e-5,\n\t"b": [true, null]\n}\n', "t.json");
  assertEquals(value, { a: 1e-5, b: [true, null] });
  assertEquals(place(["b"])?.line, 3);
});

Deno.test("parseYaml() of an empty file has no value", () => {
  assertEquals(parseYaml("", "t.yaml").value, undefined);
  assertEquals(parseYaml("# nothing\n", "t.yaml").value, undefined);
});

Deno.test("parseYaml() refuses a duplicate key, a tab and broken text with file and line", () => {
  const twice = assertThrows(() => parseYaml("a: 1\nb: 2\na: 3\n", "t.yaml"), SyntaxError);
  assertStringIncludes(twice.message, 't.yaml:3:1 as YAML: the key "a" stands there for the second time');
  const printed = assertThrows(() => parseYaml('x: {1: a, "1": b}', "t.yaml"), SyntaxError);
  assertStringIncludes(printed.message, 't.yaml:1:11 as YAML: the key "1" stands there for the second time');
  const two = assertThrows(() => parseYaml("a: 1\n---\nb: 1\n", "t.yaml"), SyntaxError);
  assertStringIncludes(two.message, "t.yaml:2:1 as YAML: a second document begins there");
  assertMatch(
    assertThrows(() => parseYaml("a:\n\tb: 1\n", "t.yaml"), SyntaxError).message,
    /t\.yaml:2:1 .*tab/,
  );
  assertStringIncludes(
    assertThrows(() => parseYaml("a: [1,\nb: }", "t.yaml"), SyntaxError).message,
    "t.yaml:2",
  );
  assertStringIncludes(
    assertThrows(() => parseYaml('{"a": 1, "a": 2}', "t.json"), SyntaxError).message,
    "t.json:1",
  );
});

Deno.test("parseYaml() puts included files in, relative to the including one", () => {
  const read = files({
    "models/m.yaml": "type: vllm\nargs: !include deep/args.yaml\n",
    "models/deep/args.yaml": "name: x\n",
  });
  const { value, place, files: seen } = parseYaml("model: !include models/m.yaml\n", "conf/t.yaml", { read });
  assertEquals(value, { model: { type: "vllm", args: { name: "x" } } });
  assertEquals(place(["model", "args", "name"]), { file: "conf/models/deep/args.yaml", line: 1, column: 1 });
  assertEquals(place(["model", "type"])?.file, "conf/models/m.yaml");
  assertEquals(seen.length, 3);
});

Deno.test("parseYaml() refuses an include that is missing, circular or outside of the folder", () => {
  const read = files({ "a.yaml": "b: !include t.yaml\n", "t.yaml": "a: !include a.yaml\n" });
  assertThrows(() => parseYaml("a: !include a.yaml\n", "t.yaml", { read }), RangeError, "includes itself");
  const missing = assertThrows(
    () => parseYaml("x: 1\na: !include no.yaml\n", "t.yaml", { read }),
    RangeError,
  );
  assertStringIncludes(missing.message, "Cannot include no.yaml at t.yaml:2:13");
  for (const path of ["../x.yaml", "/etc/passwd", "b/../../x.yaml"]) {
    assertThrows(() => parseYaml(`a: !include ${path}\n`, "c/t.yaml", { read }), RangeError, "outside");
  }
});

Deno.test("readYaml() refuses a link that points out of the folder", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/in`);
    Deno.writeTextFileSync(`${folder}/secret.yaml`, "a: 1\n");
    Deno.symlinkSync(`${folder}/secret.yaml`, `${folder}/in/link.yaml`);
    Deno.writeTextFileSync(`${folder}/in/t.yaml`, "a: !include link.yaml\n");
    assertThrows(() => readYaml(`${folder}/in/t.yaml`), RangeError, "outside");
    assertThrows(() => readYaml(`${folder}/none.yaml`), RangeError, "no such file");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("parseYaml() follows anchors and merge keys, and stops an anchor bomb", () => {
  assertEquals(parseYaml("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\nc: *x\n", "t.yaml").value, {
    a: { p: 1, q: 2 },
    b: { p: 1, q: 3 },
    c: { p: 1, q: 2 },
  });
  let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let i = 1; i < 9; i++) bomb += `a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]\n`;
  assertThrows(() => parseYaml(bomb, "t.yaml"), SyntaxError, "add up to more than 100000 values");
});

Deno.test("parseYaml() keeps a key named __proto__ as data", () => {
  const value = parseYaml("__proto__: {polluted: 1}\n", "t.yaml").value as Record<string, unknown>;
  assertEquals(Object.keys(value), ["__proto__"]);
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("parseYamlValue() types text as YAML does", () => {
  assertEquals([parseYamlValue("5e-6"), parseYamlValue("true"), parseYamlValue("a,b"), parseYamlValue("")], [
    5e-6,
    true,
    "a,b",
    null,
  ]);
  assertEquals(parseYamlValue("{beta: 0.2}"), { beta: 0.2 });
  assertThrows(() => parseYamlValue("[1"), SyntaxError);
});

const message = (text: string) => assertThrows(() => parseYaml(text, "t.yaml"), SyntaxError).message;

Deno.test("parseYaml() refuses numbers that YAML 1.1 and 1.2 read differently, and takes them as quoted text", () => {
  for (const number of ["010", "-010", "+007", "00", "08", "0o17"]) {
    assertStringIncludes(
      message(`a: 1\nb: [${number}]`),
      "Cannot read t.yaml:2:5 as YAML: a number can't begin",
    );
    assertThrows(() => parseYamlValue(number), SyntaxError, `"${number}" for a text`);
    assertEquals(parseYamlValue(`"${number}"`), number);
  }
  assertStringIncludes(message("a: 010"), 'write 10, or "010" for a text');
});

Deno.test("parseYaml() tells of a bomb, an anchor that holds itself and too deep a nesting in one short line with the place", () => {
  const laughs = (width: number, depth: number) =>
    "a0: &a0 [x]\n" +
    Array.from({ length: depth }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(width).fill(`*a${i}`)}]`).join(
      "\n",
    );
  const cases: [string, RegExp][] = [
    [laughs(10, 12), /^Cannot read t\.yaml:\d+:\d+ as YAML: its aliases add up to more than 100000 values$/],
    [laughs(2, 40), /add up to more than/],
    ["a: &a [1, *a]", /^Cannot read t\.yaml:1:11 as YAML: the anchor &a holds itself$/],
    ["a: &a {b: &b {c: *a}}", /t\.yaml:1:18 .*&a holds itself/],
    ["a: &a\n  <<: *a", /&a holds itself/],
    ["a: *b\nb: &b 1", /t\.yaml:1:4 as YAML: there is no anchor &b/],
    ["a: " + "[".repeat(150) + "]".repeat(150), /t\.yaml:1:\d+ as YAML: values nest more than 100 deep/],
    ["a: " + "[".repeat(20_000), /nest more than 100 deep/],
    ["- ".repeat(20_000), /nest more than 100 deep/],
    ["a: {<<: 3}", /<< needs a map/],
    ["a: {[1, 2]: 3}", /t\.yaml:1:5 .*a key has to be a text/],
    ["? {a: 1}\n: 3", /a key has to be a text/],
    ["x".repeat(1_000_001), /1000001 characters, at most 1000000 are read/],
  ];
  for (const [text, expected] of cases) {
    const told = message(text);
    assertMatch(told, expected);
    assertEquals(told.length < 400, true, told);
  }
});

Deno.test("parseYaml() stops files that include each other a thousandfold", () => {
  const read = (path: string) => {
    const depth = Number(/(\d+)\.yaml$/.exec(path)![1]) + 1;
    return `[${Array(10).fill(`!include ${depth}.yaml`)}]`;
  };
  assertThrows(() => parseYaml("!include 0.yaml", "t.yaml", { read }), RangeError, "more than 100 files");
});

Deno.test("parseYaml() shows a part of a long line", () => {
  const told = message(`{"a": "${"x".repeat(50_000)}", "b": [1, "c": , }`);
  assertMatch(told, /^Cannot read t\.yaml:1:50\d\d\d as YAML: .*\n {4}….*"b": \[1, "c": , }…$/);
  assertEquals(told.length < 400, true, told);
});

Deno.test("parseYaml() and parseYamlValue() show no secret of a broken line", () => {
  const secret = "s3cr3tValue";
  for (
    const text of [
      `hf_hub_token: ${secret}: x`,
      `hf_hub_token: [${secret}\nb: 1`,
      `hf_hub_token:\n  - ok\n  - ${secret}: [\n`,
      `hf_hub_token:\n- ${secret}: [\n`,
      `args:\n  api_key:\n    a:\n      b: ${secret}: y`,
      `args: {name: x, api_key: ${secret}, c: : }`,
      `args: {"api_key": "${secret}", c: : }`,
      `url: https://me:${secret}@host: x: y`,
      `a: hf_${secret}: x`,
      `hf_hub_token: 1\nhf_hub_token: ${secret}`,
      `hf_hub_token: "${secret}`,
      `hf_hub_token: |\n  ${secret}\n x: [`,
    ]
  ) {
    const told = message(text);
    assertEquals(told.includes(secret), false, told);
  }
  assertStringIncludes(message("a: 1\nb: x: y"), "\n    b: x: y");
  const argument = assertThrows(
    () => parseYamlValue(`[${secret}, {`, "the argument api_key=[hidden]"),
    SyntaxError,
  );
  assertStringIncludes(argument.message, "Cannot read the argument api_key=[hidden] as YAML: Flow");
  assertEquals(argument.message.includes(secret), false);
});
