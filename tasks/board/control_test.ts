/** The board over HTTP: what may be started from it, and nothing without control. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { makeRun } from "./_made_runs.ts";
import { beginBoard } from "./_begun_board.ts";

Deno.test("a board without control changes nothing, and what it would start is refused", async () => {
  const folder = temporaryFolder();
  makeRun(join(folder, "a"), 3);
  makeRun(join(folder, "b"), 4);
  await using board = await beginBoard([folder]);
  const { origin } = new URL(board.address);
  for (const path of ["label", "control/dry_run", "control/start", "control/stop", "control/talk"]) {
    const headers = { "content-type": "application/json", origin };
    const reply = await fetch(`${board.address}api/${path}`, { method: "POST", headers, body: "{}" });
    assertEquals([path, reply.status], [path, 403]);
    assertStringIncludes((await reply.json()).error, "--control");
  }
  const config = await (await fetch(`${board.address}api/config?run=0:a&run=0:b`)).json();
  assertEquals(
    config.rows.filter(({ different }: { different: boolean }) => different).map(({ key }: { key: string }) =>
      key
    ),
    [
      "output_dir",
      "learning_rate",
    ],
  );
  const details = await (await fetch(`${board.address}api/run?run=0:a`)).json();
  assertEquals([details.config.learning_rate, details.card, details.checkpoints], [3, null, []]);
});

Deno.test("a training starts only within the given folders and with values that passed a dry run", async () => {
  const folder = temporaryFolder();
  await using board = await beginBoard([folder], { control: true });
  const { origin } = new URL(board.address);
  const post = async (path: string, file: Record<string, unknown>) => {
    const headers = { "content-type": "application/json", origin };
    const body = JSON.stringify({ file });
    const reply = await fetch(`${board.address}api/control/${path}`, { method: "POST", headers, body });
    return [reply.status, (await reply.json()).error] as const;
  };
  const [outside, message] = await post("dry_run", { output_dir: join(folder, "../other") });
  assertEquals(outside, 400);
  assertStringIncludes(message, "must lie in a folder of this board");
  await Deno.symlink("/", join(folder, "root"));
  assertEquals((await post("start", { output_dir: join(folder, "root/tmp/x") }))[0], 400);
  // a link to what isn't there yet, and other ways of writing a path
  await Deno.symlink(join(folder, "../not-there"), join(folder, "later"));
  for (const output of ["later", "later/x", "x/../../y", "./../z", "root/../../y"]) {
    assertEquals((await post("start", { output_dir: `${folder}/${output}` }))[0], 400, output);
  }
  assertEquals((await post("start", { output_dir: join(folder, "x") }))[0], 409);
  const { schema, groups } = await (await fetch(`${board.address}api/control/form`)).json();
  const keys = groups.flatMap((group: { keys: string[] }) => group.keys);
  const known = Object.keys(schema.properties).filter((key) => key !== "provenance");
  assertEquals([...keys].sort(), known.sort());
});
