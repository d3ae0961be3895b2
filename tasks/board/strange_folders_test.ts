/** The board over HTTP: folders with what no run writes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { makeEvaluation, makeRun } from "./_made_runs.ts";
import { beginBoard } from "./_begun_board.ts";

Deno.test("what is strange, broken or taken away in a folder hides no other run", async () => {
  const folder = temporaryFolder();
  makeRun(join(folder, "good"), 3);
  await makeEvaluation(join(folder, "evaluated"), (text) => text);
  // folders and a pipe by the names of files; nobody writes into the pipe
  for (const name of ["trainer_log.jsonl", "trainer_state.json", "items.jsonl", "run.yaml", "results.json"]) {
    await Deno.mkdir(join(folder, "folders", name), { recursive: true });
  }
  await Deno.mkdir(join(folder, "pipes"));
  const pipes = ["trainer_log.jsonl", "items.jsonl", "README.md"].map((name) => join(folder, "pipes", name));
  await new Deno.Command("mkfifo", { args: pipes }).output();
  await Deno.writeTextFile(join(folder, "pipes/run.yaml"), "evaluator: {}\n");
  makeRun(join(folder, "broken"), 2);
  await Deno.writeTextFile(join(folder, "broken/run.yaml"), "learning_rate: [1e-4\nstage: {");
  await Deno.writeTextFile(join(folder, "broken/README.md"), "its card");
  await Deno.mkdir(join(folder, "broken/checkpoint-7"));
  await Deno.symlink(temporaryFolder(), join(folder, "broken/checkpoint-8"));
  await using board = await beginBoard([folder]);
  const ask = async (path: string) => {
    const reply = await fetch(`${board.address}api/${path}`, { signal: AbortSignal.timeout(60_000) });
    return { status: reply.status, ...await reply.json() };
  };
  assertEquals((await ask("runs")).runs.map(({ name }: { name: string }) => name).sort(), ["broken", "good"]);
  const broken = await ask("run?run=0:broken");
  assertEquals([broken.status, broken.config, broken.card], [200, null, "its card"]);
  assertStringIncludes(broken.fault, "run.yaml:");
  assertEquals(broken.checkpoints.map(({ step }: { step: number }) => step), [7]);
  for (const id of ["0:folders", "0:pipes"]) {
    assertEquals([id, (await ask(`items?run=${id}`)).status], [id, 404]);
    assertEquals([id, (await ask(`tokens?run=${id}`)).status >= 400], [id, true]);
  }
  assertEquals((await ask("run?run=0:pipes")).card, null);
  assertEquals((await ask("items?run=0:evaluated/run")).status, 200);
  // taken away while it is looked at
  await Deno.remove(join(folder, "good"), { recursive: true });
  await Deno.remove(join(folder, "evaluated"), { recursive: true });
  for (const path of ["run?run=0:good", "items?run=0:evaluated/run", "evaluation?run=0:evaluated/run"]) {
    const { status, error } = await ask(path);
    assertEquals([path, status], [path, 404], error);
  }
  assertEquals((await ask("run?run=0:broken")).status, 200);
});
