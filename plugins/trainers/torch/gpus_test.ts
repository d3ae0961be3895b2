/** GPUs under the permissions that `deno task train` has, which don't let a program look into /dev. */
import { join } from "@std/path";
import { assertEquals } from "@std/assert";

import project from "../../../deno.json" with { type: "json" };
import { PROJECT_FOLDER, runDeno } from "../../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";

/** Permissions of the task. */
const permissions = project.tasks.train.command.split(" ").filter((word) =>
  /^--(no-prompt|allow-)/.test(word)
);

Deno.test("as many processes as the run's Python counts GPUs, one where it has none or isn't there; cpu and a number aren't asked", async () => {
  const folder = temporaryFolder(), python = join(folder, "python");
  // An answer in the place of torch's, behind a warning as torch may print one.
  Deno.writeTextFileSync(python, '#!/bin/sh\necho "UserWarning: old driver"\necho 8\n', { mode: 0o755 });
  Deno.writeTextFileSync(
    join(folder, "count.ts"),
    `import { processesPerNode } from ${JSON.stringify(new URL("./gpus.ts", import.meta.url).href)};
     const count = (written) => processesPerNode({ python: ${
      JSON.stringify(python)
    }, device: "auto", nproc_per_node: null, ...written });
     console.log(JSON.stringify([{}, { device: "cpu" }, { nproc_per_node: 2 }, { python: "/no/such/python" }, { python: "false" }].map(count)));`,
  );
  const { stdout, stderr } = await runDeno([
    ...["run", "--no-check", ...permissions, "--config", join(PROJECT_FOLDER, "deno.json")],
    join(folder, "count.ts"),
  ]);
  assertEquals(stdout.trim(), "[8,1,2,1,1]", stderr);
});
