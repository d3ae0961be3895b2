/** What code of a plugin may do to the whole process is told as that plugin's fault: ending it, computing without an end, printing among JSON. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";

import { startDeno, taskWords } from "./helpers/deno_process.ts";
import { killedWith } from "./helpers/killed.ts";
import { variants } from "./helpers/repetitions.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { within } from "./helpers/until.ts";

/** A judge that does something first, and an endpoint that answers at once. */
const PLUGINS = (does: string) => `
import process from "node:process";
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";

const options = z.strictObject({});
const judge = definePlugin({
  kind: "judge", name: "mine", version: "1", description: "d", options,
  create: () => ({
    scale: 1,
    async judge() {
      if (process.version === "") throw new Error("no version");
${does}
      return { constraints: [{ score: 1 }], overall: { score: 1 }, raw: "" };
    },
  }),
});
const endpoint = definePlugin({
  kind: "endpoint", name: "echo", version: "1", description: "d", options,
  create: () => ({
    model: "echo",
    complete: () => Promise.resolve({ outcome: "stop", text: "a", promptTokens: 1, completionTokens: 1 }),
    close: () => Promise.resolve(),
  }),
});
export default [judge, endpoint];
`;

/** The evaluation of one item by a judge that does this. @param onLoop Called when it says that its loop begins, and `onEnd` when it ends */
async function evaluated(
  does: string,
  flags: string[] = [],
  onLoop: (child: Deno.ChildProcess) => void = () => {},
  onEnd: () => void = () => {},
) {
  const folder = temporaryFolder();
  const write = (name: string, text: string) => Deno.writeTextFileSync(join(folder, name), text);
  write("mine.ts", PLUGINS(does));
  write("rows.jsonl", '{"id":"a","prompt":"p","constraints":["c"]}\n');
  write(
    "eval.yaml",
    `evaluator: { type: rows, dataset: { args: { url: rows.jsonl } }, plugins: [./mine.ts], model: { type: echo }, judge: { type: mine }, out_dir: ${folder}/run, cache: false }\n`,
  );
  const child = startDeno(taskWords("eval", join(folder, "eval.yaml"), ...flags));
  const stdout = new Response(child.stdout).text();
  let stderr = "";
  const read = async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (!stderr.includes("LOOPS") && (stderr + text).includes("LOOPS")) onLoop(child);
      stderr += text;
    }
  };
  const ended = child.status.finally(onEnd);
  await using _end = killedWith(child);
  const [{ code }] = await within("the evaluation's end", Promise.all([ended, read()]), {
    said: () => stderr,
  });
  return { folder, code, stdout: await stdout, stderr };
}

const ENDS: Record<string, [does: string, call: string]> = {
  "Deno.exit": ["Deno.exit(0);", "Deno.exit(0)"],
  "process.exit": ["process.exit(0);", "Deno.exit(0)"],
  "close": ["globalThis.close();", "close()"],
};

Deno.test("a judge that ends the process ends the run with its name, line and item, and not with 0", async () => {
  await Promise.all(
    variants(Object.values(ENDS), 1).map(async ([does, call]) => {
      const { code, stderr, folder } = await evaluated(does);
      assertEquals(code, 1, stderr);
      assert(
        stderr.includes(`error: judge/mine of ${folder}/mine.ts:13:`) &&
          stderr.includes(`, item "a": Cannot end the process by ${call} in a plugin`),
        stderr,
      );
      // what was answered is kept
      assertEquals(Deno.readTextFileSync(`${folder}/run/items.jsonl`).trim().split("\n").length, 1);
    }),
  );
  const swallowed = await evaluated("try { Deno.exit(0); } catch { /* goes on */ }");
  assertEquals(swallowed.code, 1, swallowed.stderr);
  assert(swallowed.stderr.includes(`error: ${swallowed.folder}/mine.ts:13:`), swallowed.stderr);
});

Deno.test("what a plugin leaves to a timer or a promise that nothing waits for ends the run with its file and line", async () => {
  const late = "await new Promise((done) => setTimeout(done, 5000));";
  for (
    const [does, words] of variants<[does: string, words: string]>([
      [`setTimeout(() => { throw new Error("late boom"); }, 1); ${late}`, "late boom"],
      [`void Promise.reject(); ${late}`, "what was thrown says nothing"],
      [`void Promise.reject(new Error("lost boom")); ${late}`, "lost boom"],
    ], 2)
  ) {
    const { code, stderr, folder } = await evaluated(does);
    assertEquals(code, 1, stderr);
    const place = words.endsWith("boom") ? `${folder}/mine.ts:13:` : "";
    assert(stderr.includes(`error: ${place}`) && stderr.includes(words), stderr);
    assert(!stderr.includes("Uncaught"), stderr);
  }
});

Deno.test("--json: standard output is the task's alone, whatever a plugin prints", async () => {
  const { code, stdout, stderr } = await evaluated(
    `console.log("P1"); console.table([{ P2: 1 }]); console.dir("P3"); process.stdout.write("P4\\n"); Deno.stdout.writeSync(new TextEncoder().encode("P5\\n"));`,
    ["--json"],
  );
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).exit_code, 0);
  for (const printed of ["P1", "P2", "P3", "P4", "P5"]) {
    assert(stderr.includes(printed), `${printed}: ${stderr}`);
  }
});

Deno.test("a judge's endless loop: the second signal ends it, with its name", async () => {
  let timer: ReturnType<typeof setInterval> | undefined;
  const { code, stderr, folder } = await evaluated(
    `console.error("LOOPS"); for (;;);`,
    [],
    // again and again: the first ones may come before the process listens, and two at once are one
    (child) =>
      timer = setInterval(() => {
        try {
          child.kill("SIGTERM");
        } catch { /* it has just ended */ }
      }, 700),
    () => clearInterval(timer),
  );
  assertEquals(code, 143, stderr);
  assertMatch(
    stderr,
    /error: Cannot finish what is under way as judge\/mine of \S+mine\.ts doesn't give way: ended by the second signal/,
  );
  assert(stderr.includes(folder));
});
