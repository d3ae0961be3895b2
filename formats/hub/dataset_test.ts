import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { COMMIT, CONVERTED_COMMIT, FakeHub, type Faults } from "../../tests/helpers/fake_hub.ts";
import { convertedFiles, splitFiles } from "./dataset_files.ts";
import { type HubDataset, resolveDataset, type ResolveOptions } from "./mod.ts";

const NAME = "some/rows";
const wanted = (more: Partial<HubDataset> = {}): HubDataset => ({
  ...{ name: NAME, subset: null, split: "train", folder: null },
  ...more,
});

function filesOf(contents: Record<string, string>): Map<string, Uint8Array> {
  return new Map(Object.entries(contents).map(([name, text]) => [name, new TextEncoder().encode(text)]));
}

async function withSet(
  contents: Record<string, string>,
  fn: (options: ResolveOptions & { cacheDir: string }, hub: FakeHub) => Promise<void>,
  { faults = {}, converted }: { faults?: Faults; converted?: Record<string, string> } = {},
): Promise<void> {
  const set = { name: NAME, kind: "datasets" as const, ...(converted && { converted: filesOf(converted) }) };
  await using hub = new FakeHub(filesOf(contents), faults, set);
  const cacheDir = temporaryFolder();
  await fn({ endpoint: hub.endpoint, cacheDir, retryDelay: 1, attempts: 2, offline: false }, hub);
}

const ROWS = {
  "README.md": "---\nlicense: mit\n---\n# Rows",
  ".gitattributes": "*",
  "dataset_infos.json": "{}",
  "data/train-00000-of-00002.parquet": "PAR1 first",
  "data/train-00001-of-00002.parquet": "PAR1 second",
  "data/test-00000-of-00001.parquet": "PAR1 third",
};

Deno.test("a split's files, and no others, come into the cache that all libraries share; offline they are found again", () =>
  withSet(ROWS, async (options, hub) => {
    const found = await resolveDataset(wanted(), options);
    const snapshot = join(options.cacheDir, "datasets--some--rows", "snapshots", COMMIT);
    const names = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
    assertEquals(found, {
      commit: COMMIT,
      revision: "main",
      names,
      paths: names.map((name) => join(snapshot, name)),
      bytes: 21,
    });
    assertEquals(Deno.readTextFileSync(found.paths[1]!), "PAR1 second");
    assertEquals(
      Deno.readTextFileSync(join(options.cacheDir, "datasets--some--rows", "refs", "main")),
      COMMIT,
    );
    assertEquals(hub.log.toSorted(), ["README.md", ...names]);

    const offline = { ...options, endpoint: "http://127.0.0.1:1", offline: true };
    assertEquals(await resolveDataset(wanted(), offline), found);
    const gone = () => resolveDataset(wanted({ split: "test" }), offline);
    await assertRejects(gone, RangeError, "Cannot find data/test-00000-of-00001.parquet of the data set");
    await assertRejects(
      () => resolveDataset(wanted({ name: "some/other" }), offline),
      RangeError,
      "HF_HUB_OFFLINE forbids",
    );
    // another library's download has no list of what the commit holds
    Deno.removeSync(join(options.cacheDir, "datasets--some--rows", "dinotune"), { recursive: true });
    await assertRejects(
      () => resolveDataset(wanted(), offline),
      RangeError,
      "was downloaded by another library and may lack files: name those to be read by their path",
    );
  }));

Deno.test("a broken download of a data set is continued, a wrong byte is found", async () => {
  const name = "data/train-00001-of-00002.parquet";
  await withSet(ROWS, async (options, hub) => {
    const { paths } = await resolveDataset(wanted(), options);
    assertEquals(Deno.readTextFileSync(paths[1]!), "PAR1 second");
    assertEquals(hub.log.filter((line) => line.startsWith(name)), [name, `${name} bytes=4-`]);
  }, { faults: { breakAfter: { [name]: 4 } } });
  await withSet(
    ROWS,
    (options) =>
      assertRejects(() => resolveDataset(wanted(), options), Error, "announced were").then(() => {}),
    { faults: { corrupt: [name] } },
  );
});

Deno.test("a set that has no files of rows is taken from the hub's own conversion to parquet", async () => {
  const script = { "rows.py": "raise SystemExit", "README.md": "# Rows", "data.zip": "PK" };
  const converted = {
    "default/train/0000.parquet": "PAR1 a",
    "default/train/0001.parquet": "PAR1 b",
    "default/partial-test/0000.parquet": "PAR1 c",
    "other/train/0000.parquet": "PAR1 d",
  };
  await withSet(script, async (options) => {
    const found = await resolveDataset(wanted(), options);
    assertEquals([found.commit, found.revision], [CONVERTED_COMMIT, "refs/convert/parquet"]);
    assertEquals(found.paths.map((path) => Deno.readTextFileSync(path)), ["PAR1 a", "PAR1 b"]);
    assertEquals(await resolveDataset(wanted(), { ...options, offline: true }), found);
    const other = await resolveDataset(wanted({ subset: "other" }), options);
    assertEquals(other.names, ["other/train/0000.parquet"]);
    await assertRejects(
      () => resolveDataset(wanted({ split: "test" }), options),
      RangeError,
      "converted only a part of it",
    );
  }, { converted });
  await withSet(
    script,
    (options) =>
      assertRejects(
        () => resolveDataset(wanted(), options),
        RangeError,
        "the hub has no parquet files of it either",
      )
        .then(() => {}),
  );
});

Deno.test("errors of a hub name the data set; the token goes where a model's would", async () => {
  await withSet(ROWS, async (options, hub) => {
    await resolveDataset(wanted(), { ...options, token: "hf_secret" });
    assertEquals(hub.authorizations, new Set(["Bearer hf_secret"]));
    const error = await assertRejects(
      () => resolveDataset(wanted(), options),
      RangeError,
      "private or gated",
    );
    assert(error.message.startsWith("Cannot download the data set some/rows from http://127.0.0.1"));
    assert(!error.message.includes("hf_secret"));
  }, { faults: { token: "hf_secret" } });
  await withSet(ROWS, async (options) => {
    await assertRejects(
      () => resolveDataset(wanted({ name: "some/gone" }), options),
      RangeError,
      "there is no such data set with the revision main, nor a directory some/gone here",
    );
  });
  for (const path of ["../../out.json", "/out.json", "a/../../out.json", "a\\..\\..\\out.json"]) {
    const answer = ({ pathname }: URL) =>
      pathname.includes("/tree/")
        ? Response.json([{ type: "file", path, size: 2, oid: "0".repeat(40) }])
        : undefined;
    await withSet(
      ROWS,
      (options) =>
        assertRejects(() => resolveDataset(wanted(), options), Error, "which would lie elsewhere").then(
          () => {},
        ),
      { faults: { answer } },
    );
  }
});

const CARD = `---
license: mit
configs:
- config_name: plain
  data_files: rows/*.jsonl
- config_name: pairs
  default: true
  data_files:
  - split: train
    path:
    - "pairs/train-*.csv"
    - pairs/more.csv
  - split: test
    path: pairs/test.csv
- config_name: placed
  data_dir: placed
- config_name: spaced
  data_files: rows/*.jsonl
  sep: "\\t"
- config_name: elsewhere
  data_files: https://example.org/rows.jsonl
dataset_info:
  features: [{name: x, dtype: 01}]
---
configs:
- config_name: text of the card
`;
const LISTED = [
  "README.md",
  "rows/b.jsonl",
  "rows/a.jsonl",
  "rows/deeper/c.jsonl",
  "pairs/train-2.csv",
  "pairs/train-1.csv",
  "pairs/more.csv",
  "pairs/test.csv",
  "placed/validation.json",
  "placed/train.json",
];

Deno.test("the card's configurations say which files are a subset's split", () => {
  const files = (more: Partial<HubDataset>) => splitFiles(LISTED, CARD, wanted(more));
  assertEquals(files({}), ["pairs/train-1.csv", "pairs/train-2.csv", "pairs/more.csv"]);
  assertEquals(files({ split: "test" }), ["pairs/test.csv"]);
  assertEquals(files({ subset: "plain" }), ["rows/a.jsonl", "rows/b.jsonl"]);
  assertEquals(files({ subset: "placed" }), ["placed/train.json"]);
  assertEquals(files({ subset: "placed", split: "validation" }), ["placed/validation.json"]);
  assertEquals(files({ folder: "./rows/" }), ["rows/a.jsonl", "rows/b.jsonl", "rows/deeper/c.jsonl"]);
  assertEquals(splitFiles(LISTED, CARD.replaceAll("\n", "\r\n"), wanted({ subset: "plain" })), [
    "rows/a.jsonl",
    "rows/b.jsonl",
  ]);
  const refused: [Partial<HubDataset>, string][] = [
    [{ subset: "plan" }, 'Cannot find subset "plan" of some/rows - did you mean "plain"?'],
    [{ split: "dev" }, 'Cannot find split "dev" of some/rows'],
    [{ split: "train[:10%]" }, "use num_samples or max_samples"],
    [{ subset: "spaced" }, 'its card sets "sep"'],
    [{ subset: "elsewhere" }, "aren't a path in it"],
    [{ folder: "row" }, 'Cannot find folder "row" of some/rows - did you mean "rows"?'],
    [{ folder: "rows", subset: "plain" }, "a folder has none"],
  ];
  for (const [more, message] of refused) assertThrows(() => files(more), RangeError, message);
  const two = CARD.replace("  default: true\n", "");
  assertThrows(() => splitFiles(LISTED, two, wanted()), RangeError, "Cannot tell the subset of some/rows");
});

Deno.test("without a card names of files and folders say what is for training", () => {
  const train = (names: string[], more: Partial<HubDataset> = {}) => splitFiles(names, null, wanted(more));
  assertEquals(train(["b.jsonl", "a.jsonl", "README.md", "state.json"]), ["a.jsonl", "b.jsonl"]);
  assertEquals(train(["train.json", "test.json", "training_more.json"]), [
    "train.json",
    "training_more.json",
  ]);
  assertEquals(train(["x/train/a.csv", "x/test/train.csv"]), ["x/train/a.csv"]);
  assertEquals(train(["rows_val.csv", "rows_train.csv"], { split: "validation" }), ["rows_val.csv"]);
  assertEquals(train(["a-dev.jsonl.gz", "a-train.jsonl.gz"]), ["a-train.jsonl.gz"]);
  assertEquals(train([".cache/train.json", "__x/train.json", "train.h5", "strain.json"]), ["strain.json"]);
  assertEquals(train(["model.bin", "README.md"]), null);
  assertThrows(
    () => train(["test.json"]),
    RangeError,
    'Cannot find split "train" of some/rows: there are test',
  );
  assertThrows(() => train(["a.json", "b.csv"]), RangeError, "files of the types json, csv");
  assertThrows(() => train(["a.json"], { subset: "x" }), RangeError, "its card names none");
  assertThrows(
    () => convertedFiles(["a/train/0000.parquet", "b/train/0000.parquet"], wanted()),
    RangeError,
    "Cannot tell the subset of some/rows: there are a, b",
  );
});
