import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";

import { join } from "@std/path";

import {
  AtomicFile,
  makeFolder,
  NoRoomError,
  writeError,
  writeFileAtomic,
  writeFileAtomicSync,
} from "./atomic.ts";
import { LINUX } from "../tests/helpers/system.ts";

function inTempDir(fn: (directory: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const directory = Deno.makeTempDirSync();
    try {
      await fn(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

const names = (directory: string) => [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();

Deno.test(
  "writeFileAtomic() replaces a file and leaves nothing else behind",
  inTempDir(async (directory) => {
    const path = join(directory, "a.json");
    await writeFileAtomic(path, "old");
    await writeFileAtomic(path, new Uint8Array([104, 195, 169]));
    assertEquals(Deno.readTextFileSync(path), "h\u00e9");
    writeFileAtomicSync(path, "new");
    assertEquals(Deno.readTextFileSync(path), "new");
    assertEquals(names(directory), ["a.json"]);
  }),
);

Deno.test(
  "writeFileAtomic() writes a file of several chunks",
  inTempDir(async (directory) => {
    const data = new Uint8Array((1 << 25) + 3).map((_, i) => i % 251);
    await writeFileAtomic(join(directory, "big"), data);
    assertEquals(Deno.readFileSync(join(directory, "big")), data);
  }),
);

Deno.test(
  "AtomicFile shows nothing at the final path before commit and removes its file on abort",
  inTempDir((directory) => {
    const path = join(directory, "a.bin");
    writeFileAtomicSync(path, "old");
    const file = new AtomicFile(path);
    file.write(new TextEncoder().encode("half"));
    assertEquals(Deno.readTextFileSync(path), "old");
    assertEquals(names(directory).length, 2);
    file.abort();
    assertEquals(names(directory), ["a.bin"]);
    assertEquals(Deno.readTextFileSync(path), "old");
    assertThrows(() => file.write(new Uint8Array(1)), Error, "finished already");
  }),
);

Deno.test(
  "writeFileAtomic() names the path when the directory is missing",
  inTempDir(async (directory) => {
    const path = join(directory, "none", "a.json");
    const said = `Cannot write ${path}: there is no folder ${join(directory, "none")}`;
    await assertRejects(() => writeFileAtomic(path, ""), Error, said);
    assertThrows(() => writeFileAtomicSync(path, ""), Error, said);
    const denied = new Error("Permission denied (os error 13): mkdir 'none/a.json'");
    assertEquals(
      writeError(denied, path).message,
      `Cannot write ${path}: ${directory} may not be written to: choose another place, or give permission`,
    );
    assertEquals(
      writeError(denied, path, "out_dir").message,
      `Cannot write ${path}: ${directory} may not be written to: choose another out_dir, or give permission`,
    );
    writeFileAtomicSync(join(directory, "file"), "");
    assertThrows(
      () => makeFolder(join(directory, "file", "in")),
      Error,
      `Cannot write ${join(directory, "file", "in")}: `,
    );
    Deno.symlinkSync(join(directory, "gone"), join(directory, "link"));
    assertThrows(
      () => makeFolder(join(directory, "link")),
      Error,
      "link: it is a link to what isn't there, and a folder is needed",
    );
    makeFolder(join(directory, "deep", "er"));
    makeFolder(join(directory, "deep", "er"));
    // nobody chose the temporary name
    const mark = writeError(new Error(`read-only: open '/x/.a.json.12-0123abcd.tmp'`), "/x/a.json");
    assertEquals(mark.message, "Cannot write /x/a.json: read-only: open '/x/a.json'");
  }),
);

Deno.test({
  name: `writeError() explains the operating system's own error of a full device${LINUX.why}`,
  ignore: LINUX.ignore,
  fn() {
    let message = "";
    using file = Deno.openSync("/dev/full", { write: true });
    try {
      file.writeSync(new Uint8Array(1));
    } catch (error) {
      message = writeError(error, "run/adapter.safetensors").message;
    }
    assertStringIncludes(message, "Cannot write run/adapter.safetensors: the disk is full");
    assertStringIncludes(message, "Free some space");
  },
});

Deno.test("writeError() tells a used up quota and a limit on files' sizes from a full disk, with what to do about each", () => {
  const of = (words: string, code?: string) => {
    const error = writeError(Object.assign(new Error(words), { code }), "a.bin");
    return [
      error instanceof NoRoomError,
      error.message.replace(/ What was there before is unchanged\. .*/, ""),
    ];
  };
  // the words of Linux and macOS, as strerror() has them
  assertEquals(of("Disk quota exceeded (os error 122): write 'a'"), [
    true,
    "Cannot write a.bin: this user's share of the disk (quota) is used up (Disk quota exceeded (os error 122)).",
  ]);
  assertEquals(of("Disc quota exceeded (os error 69)")[0], true);
  assertStringIncludes(
    String(of("File too large (os error 27)")[1]),
    "files of this size aren't allowed here, by a limit of this process (`ulimit -f` shows it)",
  );
  assertEquals(of("EDQUOT: whatever", "EDQUOT")[0], true);
  assertEquals(of("Host is down (os error 111)")[0], false);
});

/** A file system of its own for one process needs user namespaces, which some systems and containers forbid. */
function hasNamespaces(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const args = ["-rm", "sh", "-c", "mount -t tmpfs none /mnt"];
    return new Deno.Command("unshare", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name:
    "writeFileAtomic() on a really full disk keeps the old file and no rest (ignored without user namespaces)",
  ignore: !hasNamespaces(),
  fn: inTempDir((directory) => {
    const module = new URL("./atomic.ts", import.meta.url).href;
    const config = fileURLToPath(new URL("../deno.json", import.meta.url));
    const script = join(directory, "full.ts");
    Deno.writeTextFileSync(
      script,
      `import { writeFileAtomic, writeFileAtomicSync } from ${JSON.stringify(module)};
       const path = Deno.args[0] + "/a.bin";
       await writeFileAtomic(path, "old");
       for (const write of [writeFileAtomic, writeFileAtomicSync]) {
         try { await write(path, new Uint8Array(3e6)); console.log("no error"); } catch (e) { console.log(e.message); }
       }
       console.log(Deno.readTextFileSync(path), [...Deno.readDirSync(Deno.args[0])].length);`,
    );
    const mount = join(directory, "mount");
    Deno.mkdirSync(mount);
    const shell = `mount -t tmpfs -o size=1m none "$1" && exec "$2" run -A --config "$4" "$3" "$1"`;
    const output = new Deno.Command("unshare", {
      args: ["-rm", "sh", "-c", shell, "sh", mount, Deno.execPath(), script, config],
    }).outputSync();
    const lines = new TextDecoder().decode(output.stdout).trim().split("\n");
    assert(output.success, new TextDecoder().decode(output.stderr));
    assertStringIncludes(lines[0]!, "the disk is full");
    assertStringIncludes(lines[1]!, "the disk is full");
    assertEquals(lines[2], "old 1");
  }),
});
