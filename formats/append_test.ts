import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";
import { appendLine } from "./append.ts";
import { UNIX } from "../tests/helpers/system.ts";

Deno.test("appendLine() makes the file, adds lines, and takes the place of one that was cut off, however long it is", () => {
  const path = join(temporaryFolder(), "log.jsonl"), read = () => Deno.readTextFileSync(path);
  appendLine(path, "one");
  appendLine(path, "two");
  assertEquals(read(), "one\ntwo\n");
  Deno.writeTextFileSync(path, "x".repeat(200_000), { append: true });
  appendLine(path, "three");
  assertEquals(read(), "one\ntwo\nthree\n");
  Deno.writeTextFileSync(path, "y".repeat(70_000));
  appendLine(path, "alone");
  assertEquals(read(), "alone\n");
});

Deno.test({
  name: `appendLine() leaves a file as it was where only the beginning of a line can be written${UNIX.why}`,
  // a limit on files' sizes takes the beginning, too, as a full disk does
  ignore: UNIX.ignore,
  async fn() {
    const folder = temporaryFolder(), path = join(folder, "log.jsonl"), script = join(folder, "append.ts");
    const before = "a".repeat(699) + "\n";
    Deno.writeTextFileSync(path, before);
    Deno.writeTextFileSync(
      script,
      `import { appendLine } from "${import.meta.resolve("./append.ts")}";\n` +
        `appendLine(${JSON.stringify(path)}, "z".repeat(600));\n`,
    );
    const config = fileURLToPath(import.meta.resolve("../deno.json"));
    const limited = 'trap "" XFSZ; ulimit -f 1; exec "$@"'; // in units of 1,024 bytes
    const run = ["run", "-A", "--no-check", "--config", config, script];
    const { stderr } = await new Deno.Command("bash", {
      args: ["-c", limited, "bash", Deno.execPath(), ...run],
    }).output();
    assertStringIncludes(
      new TextDecoder().decode(stderr),
      `Cannot write ${path}: files of this size aren't allowed here, by a limit of this process (\`ulimit -f\``,
    );
    assertEquals(Deno.readTextFileSync(path), before);
  },
});
