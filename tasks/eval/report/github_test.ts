import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import { mockServer } from "../../bench/eval/mock_server.ts";
import { appendSummary, githubAnnotations } from "./github.ts";

Deno.test("githubAnnotations() are one line each, escaped, with the place of the threshold; the summary is appended", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(4));
    await using server = mockServer();
    const config = rowsConfig(folder, server.base, ["model.args.name='a:b, 5 %\n::x'", "threshold=1"]);
    const { results } = await runConfig(config);
    const lines = githubAnnotations(
      { ...results!, complete: false, stopped: "spent\n50 %" },
      (...path) => path.join(".") === "threshold.followed" ? "dir/e,v.yaml:7:3" : "",
    );
    assertEquals(lines.filter((line) => line.includes("\n")), []);
    const title = "a%3Ab%2C 5 %25 %3A%3Ax on rows 3";
    assertEquals(
      lines[0]!.startsWith(
        `::error file=dir/e%2Cv.yaml,line=7,col=3,title=Threshold missed%3A ${title}::followed is `,
      ),
      true,
      lines[0],
    );
    assertEquals(lines[1], `::error title=Not complete%3A ${title}::spent%0A50 %25`);
    assertEquals(lines.at(-1)!.startsWith(`::notice title=Scores%3A ${title}::followed `), true);

    const summary = join(folder, "summary.md");
    for (const text of ["# one", "# two"]) appendSummary(text, summary);
    assertEquals(await Deno.readTextFile(summary), "# one\n# two\n");
  });
});
