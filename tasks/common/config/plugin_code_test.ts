import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { evaluateFile } from "../../eval.ts";
import { silentProgress } from "../../train/outputs/mod.ts";

import { confirmPlugins, pluginNote } from "./plugin_code.ts";

Deno.test("the code of plugins is named before it runs, and what comes from elsewhere apart", () => {
  assertEquals(pluginNote([]), null);
  assertStringIncludes(
    pluginNote(["/a/mine.ts"])!,
    "plugins: the code of /a/mine.ts is run, with all permissions",
  );
  assertStringIncludes(pluginNote(["/a/mine.ts", "npm:x"])!, "; npm:x comes from elsewhere");
});

Deno.test("a person is asked before a task that only looks at a file runs its plugins", () => {
  const asked: string[] = [];
  const asking = (answer: boolean, isTerminal = true) => ({
    isTerminal: () => isTerminal,
    confirm: (question: string) => (asked.push(question), answer),
  });
  confirmPlugins([], asking(false));
  confirmPlugins(["/a/mine.ts"], asking(false, false));
  assertEquals(asked, []);
  confirmPlugins(["/a/mine.ts"], asking(true));
  assertThrows(() => confirmPlugins(["/a/mine.ts"], asking(false)), RangeError, "nothing was run");
  assertEquals(asked.length, 2);
});

Deno.test("an evaluation names the code of its plugins before it is run", async () => {
  const folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder}/mine.ts`, 'throw new Error("it runs")');
  Deno.writeTextFileSync(
    `${folder}/eval.yaml`,
    `evaluator:\n  type: constraints\n  model: {type: local, args: {model: x}}\n  out_dir: out\n  plugins: [mine.ts]\n`,
  );
  const lines: string[] = [];
  const progress = { ...silentProgress(), line: (line: string) => void lines.push(line) };
  await assertRejects(() => evaluateFile(`${folder}/eval.yaml`, [], { progress }), Error, "it runs");
  assertEquals(lines, [`note: ${pluginNote([`${folder}/mine.ts`])}`]);
});
