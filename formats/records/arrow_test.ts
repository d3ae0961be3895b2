import { assertEquals, assertRejects, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { parsePyJson, type PyJson } from "../python_json.ts";
import { exactValue } from "./exact_json.ts";
import { listFiles } from "./list_files.ts";
import { readRecords } from "./read_files.ts";

// written by pyarrow 26 and datasets 5.2.0, with the rows as Python has them (fixtures/goldens/datasets/make_arrow.py)
const goldens = new URL("../../fixtures/goldens/datasets/", import.meta.url).pathname;
const golden = JSON.parse(Deno.readTextFileSync(`${goldens}arrow.json`)) as
  & Record<"rows" | "mixed", string[]>
  & {
    long: string;
  };

async function records(paths: string | string[]): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const path of [paths].flat()) {
    for await (const batch of readRecords(path)) {
      rows.push(...batch.map(({ value }) => value as typeof rows[0]));
    }
  }
  return rows;
}

function assertRows(
  rows: readonly Record<string, unknown>[],
  expected: readonly string[],
  name: string,
): void {
  assertEquals(rows.length, expected.length, name);
  rows.forEach((row, i) => {
    assertEquals(row, JSON.parse(expected[i]!), `${name} row ${i}`);
    const exact = parsePyJson(expected[i]!) as Map<string, PyJson>;
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== "object" || value === null) continue;
      // nothing is kept beside what loses nothing, such as a list of texts
      assertEquals(exactOf(value), exact.get(column), `${name} row ${i}, ${column}`);
    }
  });
}

function exactOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const exact = exactValue(value);
  if (exact !== undefined) return exact;
  if (Array.isArray(value)) return value.map(exactOf);
  return new Map(Object.entries(value).map(([key, inner]) => [key, exactOf(inner)]));
}

Deno.test("arrow: both formats give Python's values of every type, packed by LZ4, ZSTD and not at all", async () => {
  for (const format of ["stream", "file"]) {
    for (const codec of ["none", "lz4", "zstd"]) {
      const rows = await records(`${goldens}files/arrow_${format}_${codec}.arrow`);
      const last = rows[3];
      assertEquals(last?.text ?? null, codec === "none" ? null : golden.long.repeat(8000));
      if (last) last.text = "LONG";
      assertRows(rows, golden.rows.slice(0, rows.length), `${format} ${codec}`);
      assertEquals(rows.length, codec === "none" ? 3 : 4);
    }
  }
});

Deno.test("arrow: times and dates are ISO texts of all their digits, and bytes that aren't UTF-8 stay bytes", async () => {
  assertEquals(await records(`${goldens}files/arrow_times.arrow`), [
    {
      us: "2024-01-02T03:04:05.678900Z",
      ns: "1970-01-01T00:00:00.000000001Z",
      s: "1970-01-01T00:00:00.000Z",
      day: "2024-02-29",
      day64: "1969-12-31",
      bytes: new Uint8Array([255, 0]),
    },
    { us: null, ns: "1969-12-31T23:59:59.999999999Z", s: null, day: null, day64: null, bytes: "text" },
  ]);
});

Deno.test("columns of JSON have its exact values, in parquet and in a folder of save_to_disk with two shards", async () => {
  assertRows(await records(`${goldens}files/json.parquet`), golden.mixed, "parquet");
  const files = listFiles([`${goldens}files/saved`], "x");
  assertEquals(files.map((file) => file.slice(-"data-00000-of-00002.arrow".length)), [
    "data-00000-of-00002.arrow",
    "data-00001-of-00002.arrow",
  ]);
  assertRows(await records(files), golden.mixed, "saved");
});

Deno.test("arrow: a file that ends early or is something else is told with its name", async () => {
  const file = `${temporaryFolder()}/a.arrow`;
  const bytes = Deno.readFileSync(`${goldens}files/arrow_stream_none.arrow`);
  for (const length of [0, 7, 900, bytes.length - 200]) {
    Deno.writeFileSync(file, bytes.subarray(0, length));
    await assertRejects(() => records(file), SyntaxError, `Cannot read ${file} as Arrow`);
  }
  Deno.writeTextFileSync(file, '{"prompt": "a", "completion": "b"}\n');
  await assertRejects(() => records(file), SyntaxError, `Cannot read ${file} as Arrow`);
});

Deno.test("folders of save_to_disk with several splits, without rows or with a selection kept apart are told", () => {
  const splits = temporaryFolder(), set = temporaryFolder();
  Deno.writeTextFileSync(`${splits}/dataset_dict.json`, '{"splits": ["train", "test"]}');
  assertThrows(
    () => listFiles([splits], "set x"),
    RangeError,
    `with the splits "train", "test". Name the folder of one: ${splits}/train`,
  );
  Deno.writeTextFileSync(`${set}/dataset_info.json`, "{}");
  const state = (text: string) => Deno.writeTextFileSync(`${set}/state.json`, text);
  state('{"_data_files": []}');
  assertThrows(() => listFiles([set], "set x"), RangeError, "save_to_disk without rows");
  state('{"_data_files": [{"filename": "a.arrow"}], "_indices_data_files": [{"filename": "i.arrow"}]}');
  assertThrows(() => listFiles([set], "set x"), RangeError, "has _indices_data_files, a selection of rows");
  state('{"_data_files": [{"filename": "b.arrow"}, {"filename": "a.arrow"}]}');
  assertEquals(listFiles([set], "set x"), [`${set}/b.arrow`, `${set}/a.arrow`]);
});
