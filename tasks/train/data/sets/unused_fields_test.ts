import { assertEquals } from "@std/assert";
import { CsvWords } from "./csv_words.ts";
import { UnusedFields } from "./unused_fields.ts";

const attributes = (columns: Record<string, string | null>) => ({
  name: "d",
  ranking: false,
  shape: "single" as const,
  columns,
  tags: {},
});

Deno.test("UnusedFields counts fields that no column names, file by file, with the name that would use them", () => {
  const columns = { prompt: "q", query: null, response: "a", system: null };
  const fields = new UnusedFields(attributes(columns), {
    prompt: "instruction",
    query: "input",
    system: null,
  });
  for (let i = 0; i < 1042; i++) fields.see("a.jsonl", { q: "x", a: "y", system: "s", id: i });
  fields.see("a.jsonl", { q: "x", a: "y", system: "", extra: [], note: null, weight: 1, train: true });
  fields.see("b.jsonl", { q: "x", a: "y", input: "i", z: 1 });
  fields.see("b.jsonl", "no object");
  assertEquals(fields.notes(), [
    'fields of a.jsonl that nothing uses: "system" in 1,042 rows, "id" in 1,042 rows. A field is used when the entry in ' +
    'dataset_info.json names it, such as "columns": {"system": "system"}',
    'fields of b.jsonl that nothing uses: "input" in 1 row, "z" in 1 row. A field is used when the entry in ' +
    'dataset_info.json names it, such as "columns": {"query": "input"}',
  ]);
});

Deno.test("UnusedFields shows eight fields and counts the others", () => {
  const fields = new UnusedFields(attributes({ prompt: "q", images: null, history: null }), {});
  fields.see("a.json", Object.fromEntries("abcdefghij".split("").map((name) => [name, 1])));
  const note = fields.notes()[0];
  assertEquals(note?.includes('"h" in 1 row, 2 more. '), true);
  assertEquals(note?.endsWith('names it, beside one of "columns": prompt, history'), true);
});

Deno.test("UnusedFields looks into turns, and not into other lists of a format of one's own", () => {
  const fields = new UnusedFields(attributes({ prompt: "q", answers: "a" }), {});
  // the plugin of docs/plugins.md reads both fields
  fields.see("a.jsonl", { q: "x", a: [{ text: "no", votes: 1 }, { text: "yes", votes: 9 }] });
  fields.see("b.jsonl", { q: [{ role: "user", content: "x", mood: "sad" }], a: "y" });
  assertEquals(fields.notes().map((note) => note.split("(")[0]), [
    "fields of turns of b.jsonl that nothing here uses ",
  ]);
});

Deno.test("CsvWords counts cells that other readers take for no value, of the columns in use and of csv files alone", () => {
  const words = new CsvWords(attributes({ prompt: "q", response: "a", history: null }));
  const rows = [{ q: "NA", a: "x", b: "null" }, { q: "na", a: "None" }, { q: "NaN.", a: null }];
  for (const file of ["d.csv", "d.jsonl"]) rows.forEach((row, i) => words.see(file, row, i + 2));
  assertEquals(words.notes(), [
    '2 cells of d.csv hold a word that LLaMA-Factory\'s reader takes for no value, the first is "NA" (q, line 2): it is a text ' +
    "here. Leave the cell empty for no value",
  ]);
});
