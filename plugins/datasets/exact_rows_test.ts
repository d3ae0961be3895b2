import { assertEquals } from "@std/assert";

import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { readRecords } from "../../formats/records/read_files.ts";
import { openDataSet } from "../../tests/helpers/open_data_set.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { Registry } from "../registry.ts";
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
      const turns = auto.encodeTurns(tokenizer, [...prompts.x!, answers.y!], system, tools);
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
