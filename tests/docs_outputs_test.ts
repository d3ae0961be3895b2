/**
 * What README.md shows of the first commands is what they print, times and speeds left out. Lines that are left out there are
 * shortened away, so those that it shows have to come in their order.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { item } from "../formats/elements.ts";
import { PROJECT_FOLDER, runDeno, type TaskName, taskWords } from "./helpers/deno_process.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

/** Lines of a page's blocks of output, block by block. */
function blocksOf(page: string): string[][] {
  return [...page.matchAll(/```text\n(.*?)```/gs)].map(([, block = ""]) => block.trimEnd().split("\n"));
}

/** A line without what a clock decides, and without white space at its end. */
function masked(line: string): string {
  return line.replace(/[\d,.]+ tokens\/s/g, "… tokens/s").replace(/\d+:\d\d:\d\d left/g, "… left").trimEnd();
}

/** The first shown line that doesn't come behind those before it; undefined when all do. */
function missingLine(shown: readonly string[], printed: readonly string[]): string | undefined {
  const lines = printed.map(masked);
  let from = 0;
  for (const line of shown) {
    if (line.trim() === "…" || line.trim() === "") continue;
    const place = lines.indexOf(masked(line), from);
    if (place < 0) return line;
    from = place + 1;
  }
}

/** Cells of a row of a table that has two spaces between columns, or of a Markdown table; empty ones left out. */
function cellsOf(row: string): string[] {
  return row.split(/\s{2,}|\s*\|\s*/).map((cell) => cell.trim()).filter((cell) => cell !== "");
}

async function run(folder: string, task: TaskName, ...args: string[]): Promise<string[]> {
  const command = taskWords(task).map((word) =>
    word.startsWith("tasks/") ? join(PROJECT_FOLDER, word) : word
  );
  const { code, stdout, stderr } = await runDeno([...command, ...args], { cwd: folder });
  // progress goes to standard error, and ends before what is said in the end
  const out = stderr + stdout;
  assertEquals(code, 0, out);
  return out.split("\n");
}

const [training = [], evaluation = []] = blocksOf(Deno.readTextFileSync(join(PROJECT_FOLDER, "README.md")));

const isAll = Deno.env.has("TEST_ALL");
Deno.test({
  name: `README.md shows what the default training and its evaluation print${
    isAll ? "" : " (TEST_ALL isn't set: a minute)"
  }`,
  ignore: !isAll,
  async fn() {
    const folder = temporaryFolder();
    assert(item(training, 0).startsWith("step 2/102"), training[0]);
    assertEquals(missingLine(training, await run(folder, "train")), undefined);

    await run(folder, "eval");
    const runs = ["default", "default-tuned"].map((name) => join(folder, "saves/eval", name));
    await run(folder, "eval", "compare", ...runs, "--out", join(folder, "tables.md"));
    const rows = Deno.readTextFileSync(join(folder, "tables.md")).split("\n").map(cellsOf);
    for (const line of evaluation) {
      const cells = cellsOf(line), row = rows.find(([name]) => name === cells[0]);
      assertEquals(row, cells);
    }
  },
});

Deno.test("missingLine() finds a number, a word and an order that are no longer so, and passes over clocks", () => {
  const printed = ["step 2  loss 0.6931  13,346 tokens/s, 0:00:22 left", "saved a", "step 4  loss 0.5"];
  assertEquals(
    missingLine(["step 2  loss 0.6931  1 tokens/s, 0:01:00 left", "…", "step 4  loss 0.5"], printed),
    undefined,
  );
  assertEquals(
    missingLine(["step 2  loss 0.6932  1 tokens/s, 0:01:00 left"], printed),
    "step 2  loss 0.6932  1 tokens/s, 0:01:00 left",
  );
  assertEquals(missingLine(["step 4  loss 0.5", "saved a"], printed), "saved a");
  assertEquals(cellsOf("| a b | 0.1 |  | 3 : 4 |"), cellsOf("a b   0.1      3 : 4"));
});
