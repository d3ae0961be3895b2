import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { runDeno, taskWords } from "../../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { startedElsewhere } from "./started_elsewhere.ts";

Deno.test("startedElsewhere() names a path that is where deno task was called and not where it runs", () => {
  const called = temporaryFolder(), here = temporaryFolder();
  for (const folder of [called, here]) Deno.writeTextFileSync(join(folder, "both.yaml"), "");
  Deno.writeTextFileSync(join(called, "it's.yaml"), "");
  const of = (message: string, ...args: string[]) => startedElsewhere(message, args, { here, called });
  assertEquals(
    of("error: Cannot read it's.yaml", "--dry-run", "it's.yaml"),
    `deno task runs in ${here}, so paths start there: '${
      join(called, "it'\\''s.yaml")
    }' is what was meant, perhaps. ` +
      "The installed command (README.md) starts where it is typed",
  );
  assertEquals(of("there is no it's.yaml", "model.args.model=it's.yaml") !== null, true);
  // one that is in both, in none, or that the error isn't about
  assertEquals(of("error: Cannot read both.yaml", "both.yaml"), null);
  assertEquals(of("error: Cannot read none.yaml", "none.yaml"), null);
  assertEquals(of("error: something else", "it's.yaml"), null);
  assertEquals(startedElsewhere("both.yaml", ["both.yaml"], { here, called: here }), null);
  assertEquals(startedElsewhere("both.yaml", ["both.yaml"], { here, called: undefined }), null);
});

Deno.test("a task that deno task starts from another folder says where the file is", async () => {
  const called = temporaryFolder();
  Deno.writeTextFileSync(join(called, "mine.yaml"), "model_name_or_path: x\n");
  const { code, stderr } = await runDeno(taskWords("preview", "mine.yaml"), { env: { INIT_CWD: called } });
  const [error, hint] = stderr.split("\n");
  assertEquals([code, error], [1, "error: Cannot read mine.yaml as there is no such file"]);
  assertEquals(hint?.includes(join(called, "mine.yaml")), true, hint);
});
