import { assertEquals } from "@std/assert";
import { basename, dirname, join } from "@std/path";

import { PROJECT_FOLDER, runDeno } from "../tests/helpers/deno_process.ts";
import { LOCK_FILE, lockDirectory } from "./directory_lock.ts";
import { exists } from "./exists.ts";
import { ownTemporaryFolder } from "./own_temporary_folder.ts";

Deno.test("ownTemporaryFolder() removes what killed processes left, and nothing that is in use, being made, or of another use", () => {
  // No other test makes folders with this prefix.
  const prefix = `dinotune-own-${crypto.randomUUID()}-`;
  const make = (name = prefix) => Deno.makeTempDirSync({ prefix: name });
  const killed = make(), used = make(), beingMade = make(), other = make("dinotune-other-");
  // A killed process leaves the file, but not its lock.
  for (const folder of [killed, other]) Deno.writeTextFileSync(join(folder, LOCK_FILE), "{}");
  Deno.writeTextFileSync(join(killed, "weights"), "many");
  const lock = lockDirectory(used, "use");
  try {
    const own = ownTemporaryFolder(prefix);
    assertEquals([dirname(own.path), basename(own.path).startsWith(prefix)], [dirname(killed), true]);
    assertEquals([killed, used, beingMade, other, own.path].map(exists), [false, true, true, true, true]);
    own.release();
    assertEquals(exists(own.path), false);
  } finally {
    lock[Symbol.dispose]();
    for (const folder of [used, beingMade, other]) Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("ownTemporaryFolder() goes with a process that ends in the midst of what it does", async () => {
  const module = new URL("./own_temporary_folder.ts", import.meta.url).href;
  const code = `import { ownTemporaryFolder } from ${JSON.stringify(module)};
    const { path } = ownTemporaryFolder("dinotune-ended-");
    Deno.writeTextFileSync(path + "/secret", "token");
    console.log(path);
    Deno.exit(130);`;
  const { code: exitCode, stdout } = await runDeno(["eval", code]);
  const path = stdout.trim();
  assertEquals([exitCode, basename(path).startsWith("dinotune-ended-"), exists(path)], [130, true, false]);
});

Deno.test("ownTemporaryFolder() passes by what it may not look into, as another user's folder", async () => {
  const system = Deno.realPathSync(Deno.makeTempDirSync()), theirs = join(system, "dinotune-shared-theirs");
  const module = new URL("./own_temporary_folder.ts", import.meta.url).href;
  try {
    Deno.mkdirSync(theirs);
    Deno.writeTextFileSync(join(theirs, LOCK_FILE), "{}");
    const program = join(system, "program.ts");
    Deno.writeTextFileSync(
      program,
      `import { ownTemporaryFolder } from ${JSON.stringify(module)};
      console.log(ownTemporaryFolder("dinotune-shared-").path);`,
    );
    // root may look into any folder: the permission holds for every user
    const permissions = [
      "--allow-read",
      `--deny-read=${theirs}`,
      "--allow-write",
      "--allow-env",
      "--allow-sys",
    ];
    const { code, stdout, stderr } = await runDeno(
      ["run", "--config", join(PROJECT_FOLDER, "deno.json"), ...permissions, program],
      { env: { TMPDIR: system } },
    );
    assertEquals([code, dirname(stdout.trim())], [0, system], stderr);
    assertEquals(exists(theirs), true);
  } finally {
    Deno.removeSync(system, { recursive: true });
  }
});
