import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";

import { parseYaml, parseYamlValue, readYaml } from "./yaml.ts";

const files = (entries: Record<string, string>) => (path: string): string => {
  const found = Object.entries(entries).find(([name]) => path.endsWith(`/${name}`));
  if (!found) throw new Error("no such file");
  return found[1];
};

Deno.test("parseYaml() reads 5e-6 as a number, no as text, and quoted numbers as text", () => {
  assertEquals(
    parseYaml("a: 5e-6\nb: 5.0e-6\nc: '1e-4'\nd: no\ne: true\nf:\ng: 010\nh: [1, x]\n", "t.yaml").value,
    {
      a: 5e-6,
      b: 5e-6,
      c: "1e-4",
      d: "no",
      e: true,
      f: null,
      g: 10,
      h: [1, "x"],
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
  assertThrows(() => parseYaml(bomb, "t.yaml"), SyntaxError, "repeats anchors");
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
