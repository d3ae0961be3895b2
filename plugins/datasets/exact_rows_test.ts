import { assertEquals } from "@std/assert";

import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { readRecords } from "../../formats/records/read_files.ts";
import { openDataSet } from "../../tests/helpers/open_data_set.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { Registry } from "../registry.ts";
import { pythonJson } from "./_record.ts";
import { templates } from "../templates/mod.ts";

const goldens = new URL("../../fixtures/goldens/", import.meta.url).pathname;
const golden = JSON.parse(Deno.readTextFileSync(`${goldens}datasets/exact_rows.json`)) as {
  template: string;
  cases: { row: string; rendered: string }[];
  parquet: string[];
};
const tokenizer = loadTokenizerSync(`${goldens}tokenizers/tiny`).withChatTemplate(golden.template);
const auto = new Registry(templates).create("template", "auto", {});

/** The rows of a file as the model's own template renders them. */
async function rendered(file: string, formatting: string): Promise<string[]> {
  const columns = { messages: "messages", tools: "tools" };
  const { convert } = openDataSet(formatting, "single", Object.keys(columns), { columns });
  const texts: string[] = [];
  for await (const batch of readRecords(file)) {
    for (const { value, row } of batch) {
      const example = convert(value, row);
      if ("reason" in example) throw new Error(`${example.field}: ${example.reason}`);
      const { prompts, answers, system, tools } = example;
      const turns = auto.encodeTurns(tokenizer, { messages: [...prompts.x!, answers.y!], system, tools });
      texts.push(turns.map(({ source, target }) => tokenizer.decode([...source, ...target])).join(""));
    }
  }
  return texts;
}

Deno.test("numbers and keys of tools and calls are rendered as Python's json and jinja2 render them", async () => {
  const expected = golden.cases.map((each) => each.rendered);
  const folder = temporaryFolder();
  const rows = golden.cases.map(({ row }) => row);
  Deno.writeTextFileSync(`${folder}/list.json`, `[${rows.join(",\n")}]`);
  Deno.writeTextFileSync(
    `${folder}/lines.jsonl`,
    rows.map((row) => row.replaceAll(/[\n\t]/g, " ")).join("\n"),
  );
  for (const name of ["list.json", "lines.jsonl"]) {
    for (const formatting of ["openai", "trl"]) {
      assertEquals(await rendered(`${folder}/${name}`, formatting), expected, `${name} as ${formatting}`);
    }
  }
});

Deno.test("numbers of a parquet file's tools and calls are rendered as Python renders them", async () => {
  const file = `${goldens}datasets/files/exact.parquet`;
  assertEquals(await rendered(file, "openai"), golden.parquet);
  for await (const batch of readRecords(file)) {
    const [{ when, day }] = batch.map(({ value }) => value) as [Record<string, unknown>];
    assertEquals([when, day], ["1969-12-31T23:59:59.000001Z", "2024-02-29"]);
  }
});

// right column: json.dumps(json.loads(text)) of Python 3.11
Deno.test("a number that stands alone in its record is written as Python writes it", async () => {
  const cases: [text: string, python: string][] = [
    ["0.00001", "1e-05"],
    ["0.0000123", "1.23e-05"],
    ["-0.00009999", "-9.999e-05"],
    ["0.0001", "0.0001"],
    ["1234567890123456.5", "1234567890123456.5"],
    ["12345678901234567.5", "1.2345678901234568e+16"],
    ["9007199254740993", "9007199254740993"],
    ["[NaN, -Infinity]", "[NaN, -Infinity]"],
  ];
  const file = `${temporaryFolder()}/a.jsonl`;
  Deno.writeTextFileSync(file, cases.map(([text]) => `{"tools": [{"x": ${text}}]}\n`).join(""));
  const written: string[] = [];
  for await (const batch of readRecords(file)) {
    for (const { value } of batch) {
      written.push(pythonJson((value as { tools: unknown }).tools, "tools", "tools"));
    }
  }
  assertEquals(written, cases.map(([, python]) => `[{"x": ${python}}]`));
});
