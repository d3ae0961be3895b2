import { runDeno } from "../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

import { parquetParsers, plainRecord } from "./parquet_values.ts";
import { listFiles } from "./list_files.ts";
import { readRecords } from "./read_files.ts";
import { type RawRecord } from "./record.ts";

async function all(file: string): Promise<RawRecord[]> {
  const records: RawRecord[] = [];
  for await (const batch of readRecords(file)) records.push(...batch);
  return records;
}

function write(name: string, text: string | Uint8Array): string {
  const file = `${temporaryFolder()}/${name}`;
  if (typeof text === "string") Deno.writeTextFileSync(file, text);
  else Deno.writeFileSync(file, text);
  return file;
}

Deno.test("json: a list with nested values, quotes and commas, in any layout", async () => {
  const value = [{ a: 'x],"{\\', b: [1, { c: "}\n" }] }, 3, "s,]", null, {}, []];
  for (const indent of [undefined, 1, "\t"]) {
    const records = await all(write("a.json", "\ufeff \n" + JSON.stringify(value, null, indent) + "\n"));
    assertEquals(records.map((r) => r.value), value);
    assertEquals(records.map((r) => r.row), [0, 1, 2, 3, 4, 5]);
  }
  assertEquals(await all(write("a.json", " [ \n ] ")), []);
  assertEquals(await all(write("a.json", "")), []);
});

Deno.test("json: any list of values is read as JSON.parse reads it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { minLength: 0, maxLength: 8 }),
      fc.constantFrom(0, 2),
      async (list, n) => {
        const text = JSON.stringify(list, null, n);
        assertEquals((await all(write("a.json", text))).map((r) => r.value), JSON.parse(text));
        const lines = list.filter((v) => typeof v === "object" && v !== null && !Array.isArray(v));
        const texts = lines.map((v) => JSON.stringify(v));
        // Parsed again, as JSON has no -0.
        const expected = texts.map((line) => JSON.parse(line));
        assertEquals((await all(write("a.jsonl", texts.join("\r\n")))).map((r) => r.value), expected);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("json: records longer than a chunk, and more than a batch of them", async () => {
  const value = [
    { a: "ü".repeat(1_500_000) },
    ...Array.from({ length: 600 }, (_, i) => ({ i, s: "早".repeat(900) })),
  ];
  assertEquals((await all(write("a.json", JSON.stringify(value)))).map((r) => r.value), value);
  const lines = value.map((v) => JSON.stringify(v)).join("\n");
  assertEquals((await all(write("a.json", lines))).map((r) => r.value), value);
});

Deno.test("json: errors name file, line and column", async () => {
  const fails = (text: string, includes: string, name = "a.json") =>
    assertRejects(() => all(write(name, text)), SyntaxError, includes);
  await fails('[\n {"a": 1},\n {"a" 2}\n]', "a.json:3:7 as JSON: Expected ':'");
  await fails('[\n {"a": 1},\n]', "a comma too many");
  await fails('[{"a": 1} {"b": 2}]', "a.json:1:11 as JSON");
  await fails(
    '[{"a": 1},\n{"b": [2}\n',
    "a.json:1:11 as JSON: the file ends inside the list; its last record (row 1)",
  );
  await fails('[{"a": 1}] x', "a.json:1:12 as JSON: there is text behind");
  await fails('{"a": 1}\n{"a": nope}\n', "a.jsonl:2:8 as JSON: Unexpected token 'o'", "a.jsonl");
  await fails('{\n "a": 1\n}\n', "one record a line");
  const broken = new Uint8Array([...new TextEncoder().encode('{"a": "'), 0xff, 0x22, 0x7d]);
  await assertRejects(() => all(write("a.jsonl", broken)), SyntaxError, "row 0 is not UTF-8");
  await fails(
    '[{"a": 1},\n {"b": {"c": 1, "d": [{}], "c": 2}}]',
    'a.json:2:28 as JSON: the name "c" comes twice',
  );
  await fails('{"a": "x", "\\u0061": "y"}', 'a.jsonl:1:12 as JSON: the name "a" comes twice', "a.jsonl");
  const gzipped = write("a.jsonl", gzipSync('{"a": 1}'));
  await assertRejects(() => all(gzipped), SyntaxError, "the file is gzipped: give its name the ending .gz");
  const wide = write("a.jsonl", Uint8Array.from([0xff, 0xfe, 0x7b, 0]));
  await assertRejects(() => all(wide), SyntaxError, "the file is UTF-16: save it as UTF-8");
});

Deno.test("json: what Python writes for no number is no value, in a text it stays", async () => {
  const records = await all(write("a.jsonl", '{"a": NaN, "b": [-Infinity], "c": "NaN: x"}\n{"a": 1}\n'));
  assertEquals(records.map((r) => r.value), [{ a: null, b: [null], c: "NaN: x" }, { a: 1 }]);
});

Deno.test("json: line numbers of records", async () => {
  const records = await all(write("a.json", '[\n\n{"a": "x"},\n{"b":\n1}, {"c": 2}]'));
  assertEquals(records.map((r) => r.line), [3, 4, 5]);
  assertEquals((await all(write("a.jsonl", '\n{"a": 1}\n\n{"b": 2}'))).map((r) => r.line), [2, 4]);
});

Deno.test("csv: quotes, line breaks, empty cells, a short row", async () => {
  const records = await all(write("a.csv", '\ufeffq,a\n"x, ""y""\nz",1\n,2\n'));
  assertEquals(records.map((r) => r.value), [{ q: 'x, "y"\nz', a: "1" }, { q: null, a: "2" }]);
  assertEquals(records.map((r) => r.line), [2, 4]);
  await assertRejects(() => all(write("a.csv", "q,a\n1,2\n3\n")), SyntaxError, "a.csv:3 as CSV");
  await assertRejects(
    () => all(write("a.csv", "q,a,a\n1,2,3\n")),
    SyntaxError,
    'two columns have the name "a"',
  );
  for (const [mark, told] of [[";", '";"'], ["\t", "tabs"], ["|", '"|"']]) {
    await assertRejects(
      () => all(write("a.csv", `instruction${mark} output\nq${mark}a, b\n`)),
      SyntaxError,
      `a.csv:1 as CSV: columns seem to be set apart by ${told}, need commas: current value is "instruction`,
    );
  }
  // one column, or names of more words than other programs write
  assertEquals((await all(write("a.csv", "text\na;b\n"))).map((r) => r.value), [{ text: "a;b" }]);
  assertEquals((await all(write("a.csv", "an essay; a note\nx\n"))).length, 1);
});

Deno.test("csv, txt: a line that is not UTF-8 is an error with its line, also behind a chunk and without a line break", async () => {
  const line = new TextEncoder().encode(`${"é".repeat(500)},x\n`);
  const long = new Uint8Array(1500 * line.length).map((_, i) => line[i % line.length]!);
  const cases: [string, Uint8Array, number][] = [
    ["a.csv", new Uint8Array([...line, ...line, 0x63, 0xe9, 0x2c, 0x31, 10]), 3],
    ["b.csv", new Uint8Array([...long, 0xe9, 0x2c, 0x31]), 1501],
    ["a.txt", new Uint8Array([...long, 10, 10, 0xc3]), 1503],
  ];
  for (const [name, bytes, place] of cases) {
    await assertRejects(() => all(write(name, bytes)), SyntaxError, `${name}:${place} as`);
  }
  assertEquals((await all(write("c.txt", long))).length, 1500);
  assertEquals((await all(write("c.txt", "\ufeffa\n\ufeffb"))).map((r) => r.value), [{ text: "a" }, {
    text: "\ufeffb",
  }]);
});

Deno.test("txt: one record a line", async () => {
  const records = await all(write("a.txt", "one\r\n\nthree"));
  assertEquals(records.map((r) => r.value), [{ text: "one" }, { text: "" }, { text: "three" }]);
});

// `datasets` 5.2.0 gives these rows of this file: Python's text files end lines at \r, too.
Deno.test("txt: a lone carriage return ends a line, as in Python", async () => {
  const records = await all(write("a.txt", "one\rtwo\r\nthree\n\rfive\r"));
  assertEquals(records.map((r) => r.value), ["one", "two", "three", "", "five"].map((text) => ({ text })));
});

Deno.test("parquet: files that pyarrow 26 wrote, several row groups, three compressions", async () => {
  for (const compression of ["snappy", "gzip", "zstd"]) {
    const url = new URL(`../../fixtures/goldens/datasets/files/rows_${compression}.parquet`, import.meta.url);
    const records = await all(url.pathname);
    assertEquals(records.map((r) => r.row), [0, 1, 2, 3, 4]);
    assertEquals(records[1]!.value, {
      instruction: "frage 1 早",
      input: null,
      output: "1",
      n: 1,
      history: [["a", "b"]],
      conversations: [{ from: "human", value: "h" }, { from: "gpt", value: "g" }],
      label: false,
    });
  }
  const file = write("a.parquet", "PAR1 no");
  await assertRejects(() => all(file), SyntaxError, "as parquet");
});

Deno.test("parquet: every compression that pyarrow 26 writes gives the same rows", async () => {
  const rows = Array.from({ length: 4 }, (_, n) => ({
    n,
    text: "the same words again, ".repeat(40) + createHash("sha256").update(String(n)).digest("hex"),
  }));
  for (const codec of ["snappy", "gzip", "brotli", "zstd", "lz4"]) {
    const url = new URL(`../../fixtures/goldens/datasets/files/codec_${codec}.parquet`, import.meta.url);
    const records = await all(url.pathname);
    assertEquals(records.map(({ value }) => value), rows, codec);
  }
});

// Written by pyarrow (make_codecs.py): the column n is null in the whole first group.
Deno.test("parquet: a group without values, packed with lz4, is a group of nulls", async () => {
  const url = new URL("../../fixtures/goldens/datasets/files/nulls_lz4.parquet", import.meta.url);
  assertEquals((await all(url.pathname)).map(({ value }) => value), [
    { n: null, text: "a" },
    { n: null, text: "b" },
    { n: 7, text: "c" },
    { n: null, text: "d" },
  ]);
});

Deno.test("listFiles takes files and folders in order, and names what it can't find or read", () => {
  const directory = temporaryFolder();
  for (const name of ["b.json", "a.jsonl", ".hidden"]) Deno.writeTextFileSync(`${directory}/${name}`, "[]");
  assertEquals(listFiles([directory, `${directory}/b.json`], "x"), [
    `${directory}/a.jsonl`,
    `${directory}/b.json`,
    `${directory}/b.json`,
  ]);
  assertThrows(() => listFiles([`${directory}/c.json`], "set x"), RangeError, 'did you mean "b.json"?');
  Deno.writeTextFileSync(`${directory}/c.docx`, "");
  assertThrows(
    () => listFiles([directory], "set x"),
    RangeError,
    'current value is ".docx". Known are .json',
  );
  assertThrows(() => listFiles([temporaryFolder()], "set x"), RangeError, "empty folder");
});

Deno.test("a 300,000-row file is read within a heap of half its texts' size", async () => {
  const file = `${temporaryFolder()}/big.jsonl`;
  const line = JSON.stringify({ instruction: "写".repeat(120), input: "", output: "x".repeat(240) }) + "\n";
  const block = new TextEncoder().encode(line.repeat(1000));
  const out = Deno.openSync(file, { write: true, create: true });
  for (let i = 0; i < 300; i++) out.writeSync(block);
  out.close();
  // The file has 195 MB and its texts 216 MB in memory: kept, they wouldn't fit, and the process would be killed by V8.
  const module = new URL("read_files.ts", import.meta.url).href;
  const script = `import { readRecords } from "${module}";
    let rows = 0;
    for await (const batch of readRecords(Deno.args[0])) rows += batch.length;
    console.log(rows);`;
  const { stdout, stderr } = await runDeno(
    ["run", "-A", "--no-check", "--v8-flags=--max-old-space-size=100", "--ext=ts", "-", file],
    { input: script },
  );
  assertEquals(stdout.trim(), "300000", stderr.slice(0, 500));
});

Deno.test("parquet timestamps and dates are ISO texts of all their digits", () => {
  const { timestampFromMilliseconds, timestampFromMicroseconds, timestampFromNanoseconds, dateFromDays } =
    parquetParsers;
  // datetime(1970, 1, 1) + timedelta(microseconds=…) of Python, whose isoformat has no Z
  const cases = [
    [timestampFromMilliseconds!(1704164645678n), "2024-01-02T03:04:05.678Z"],
    [timestampFromMicroseconds!(1704164645678901n), "2024-01-02T03:04:05.678901Z"],
    [timestampFromMicroseconds!(-999999n), "1969-12-31T23:59:59.000001Z"],
    [timestampFromNanoseconds!(-1n), "1969-12-31T23:59:59.999999999Z"],
    [timestampFromNanoseconds!(1704164645000000000n), "2024-01-02T03:04:05.000Z"],
    [timestampFromMilliseconds!(9n * 10n ** 18n), undefined],
    [dateFromDays!(-719162), "0001-01-01"],
  ];
  assertEquals(cases.map(([got]) => got), cases.map(([, wanted]) => wanted));
});

Deno.test("a record of a parquet file has null for what isn't there and numbers for 64-bit integers", () => {
  assertEquals(plainRecord({ a: [5n, null, { b: undefined }], c: undefined, d: "x" }, []), {
    a: [5, null, { b: null }],
    c: null,
    d: "x",
  });
  const bytes = new Uint8Array([0x61, 0xff]);
  assertEquals(parquetParsers.stringFromBytes!(bytes), bytes);
});

Deno.test("gzipped json, jsonl, csv and txt files give the records of the file inside; a broken one names itself", async () => {
  const contents: Record<string, string> = {
    "a.json": '[{"a": 1},\n {"a": "早"}]',
    "a.jsonl": '{"a": 1}\n\n{"a": 2}',
    "a.csv": 'a,b\n1,"x\ny"\n',
    "a.txt": "one\ntwo",
  };
  for (const [name, text] of Object.entries(contents)) {
    const packed = gzipSync(text);
    const expected = await all(write(name, text));
    assertEquals(await all(write(`${name}.gz`, packed)), expected, name);
    assertEquals(expected.length > 0, true);
    const broken = write(`${name}.GZ`, packed.subarray(0, packed.length - 9));
    await assertRejects(() => all(broken), SyntaxError, broken);
  }
  assertThrows(
    () => listFiles([write("a.parquet.gz", "")], "x"),
    RangeError,
    'current value is ".parquet.gz"',
  );
});

Deno.test("listFiles() names where a link leads that isn't there, named itself or in a folder", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync(`${folder}/gone.jsonl`, `${folder}/rows.jsonl`);
    for (const path of [folder, `${folder}/rows.jsonl`]) {
      assertThrows(
        () => listFiles([path], 'data set "a"'),
        RangeError,
        `Cannot find the file of data set "a": current value is ${folder}/rows.jsonl, a link to ${folder}/gone.jsonl, ` +
          "which does not exist",
      );
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
