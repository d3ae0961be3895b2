import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { checkFolderPlace } from "./folder_place.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test("checkFolderPlace() gives the nearest folder that is there, and refuses a file on the way", () => {
  const folder = Deno.realPathSync(temporaryFolder());
  assertEquals(checkFolderPlace(`${folder}/a/b`, "out_dir"), folder);
  assertEquals([...Deno.readDirSync(folder)], []);
  Deno.writeTextFileSync(`${folder}/a`, "");
  if (Deno.build.os !== "windows") {
    assertThrows(
      () => checkFolderPlace("/dev/null/x", "out_dir"),
      RangeError,
      "/dev/null is a device. Choose another out_dir",
    );
  }
  for (const path of [`${folder}/a`, `${folder}/a/b/c`]) {
    assertThrows(
      () => checkFolderPlace(path, "out_dir"),
      RangeError,
      `Cannot write to ${path} as a folder is needed: ${folder}/a is a file. Choose another out_dir`,
    );
  }
});

Deno.test("a dry run of synth, replicate, eval, sweep and export refuses a file in its folder's place, and leaves it", async () => {
  const folder = temporaryFolder(), file = `${folder}/file`;
  Deno.writeTextFileSync(file, "mine");
  const commands = [
    ["synth", `out_dir=${file}`, "--dry-run"],
    ["replicate", `out_dir=${file}`, "--dry-run"],
    ["eval", `out_dir=${file}`, "--dry-run"],
    ["sweep", "examples/default_iopo.yaml", "lora_rank=4,8", "--out", file, "--dry-run"],
    ["export", `model_name_or_path=${ROOT}fixtures/constraints/model`, `export_dir=${file}/sub`, "--dry-run"],
  ];
  for (const [task = "", ...args] of commands) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `tasks/${task}.ts`, ...args],
      cwd: ROOT,
      stdout: "piped",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertStringIncludes(said, `${file} is a file`, task);
    assertEquals(code, 1, task);
  }
  assertEquals(Deno.readTextFileSync(file), "mine");
  await assertRejects(() => Deno.stat(`${file}/sub`));
});
