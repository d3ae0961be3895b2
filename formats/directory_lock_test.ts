import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";
import { killedWith } from "../tests/helpers/killed.ts";
import { within } from "../tests/helpers/until.ts";
import { LOCK_FILE, lockDirectory } from "./directory_lock.ts";

/** A process that locks a folder, says so, and waits to be killed. */
async function holder(directory: string) {
  const code = `import { lockDirectory } from ${
    JSON.stringify(new URL("./directory_lock.ts", import.meta.url).href)
  };
    lockDirectory(${JSON.stringify(directory)}, "write to");
    console.log("locked");
    await new Promise((resolve) => setTimeout(resolve, 600_000));`;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.getReader();
  const { value } = await within("the word of a process that locks", reader.read());
  assertEquals(new TextDecoder().decode(value), "locked\n");
  await reader.cancel();
  return process;
}

Deno.test("lockDirectory() refuses a second owner with the first one's process and start", async () => {
  const directory = temporaryFolder(), before = new Date().toISOString();
  const process = await holder(directory);
  await using _end = killedWith(process);
  const { message } = assertThrows(() => lockDirectory(directory, "write to"), Error);
  const [, pid, since] = /as process (\d+) has been using it since (\S+): wait/.exec(message) ?? [];
  assertEquals(Number(pid), process.pid);
  assert(since! >= before && since! <= new Date().toISOString(), message);
  // a process of another container that has this one's number
  const path = join(directory, LOCK_FILE), written = JSON.parse(Deno.readTextFileSync(path));
  Deno.writeTextFileSync(path, JSON.stringify({ ...written, pid: Deno.pid }));
  assertThrows(() => lockDirectory(directory, "write to"), Error, `as process ${Deno.pid} has been using it`);
  Deno.writeTextFileSync(path, JSON.stringify({ ...written, host: "b2f1c0ffee" }));
  assertThrows(
    () => lockDirectory(directory, "write to"),
    Error,
    `as process ${process.pid} of the machine or container b2f1c0ffee has been using it`,
  );
  process.kill("SIGKILL");
  await process.status;
});

Deno.test("a lock file whose process is gone is taken over, whoever has that number now", () => {
  const directory = temporaryFolder(), path = join(directory, LOCK_FILE);
  for (const pid of [Deno.pid, Deno.ppid, 1]) {
    Deno.writeTextFileSync(path, JSON.stringify({ pid, started: new Date().toISOString() }));
    using lock = lockDirectory(directory, "write to");
    assert(lock.isHeld);
  }
});

Deno.test("the lock of a killed process is taken over, and its file goes with the new owner", async () => {
  const directory = temporaryFolder();
  const process = await holder(directory);
  await using _end = killedWith(process);
  process.kill("SIGKILL");
  await process.status;
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), [LOCK_FILE]);
  {
    using lock = lockDirectory(directory, "write to");
    assert(lock.isHeld);
    assertEquals(JSON.parse(Deno.readTextFileSync(join(directory, LOCK_FILE))).pid, Deno.pid);
  }
  assertEquals([...Deno.readDirSync(directory)], []);
});

Deno.test("a lock is only given up by its owner: one whose file was replaced leaves the new file alone", () => {
  const directory = temporaryFolder(), path = join(directory, LOCK_FILE);
  const lock = lockDirectory(directory, "write to");
  Deno.removeSync(path);
  using _other = lockDirectory(directory, "write to");
  lock[Symbol.dispose]();
  assert(Deno.statSync(path).isFile);
});
