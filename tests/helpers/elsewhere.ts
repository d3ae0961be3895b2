/**
 * Programs that load exports, for tests: transformers.js and llama.cpp in a folder of npm's, which `.ci/elsewhere_env` makes.
 * @module
 */
import { assert } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

/** `ignore` if DINOTUNE_ELSEWHERE is missing; `why` is for names of tests. A folder that is named but lacks a package is a fault, no reason. */
export const ELSEWHERE: { ignore: boolean; why: string; folder: string } = (() => {
  const folder = Deno.env.get("DINOTUNE_ELSEWHERE");
  return folder
    ? { ignore: false, why: "", folder }
    : { ignore: true, why: " (ignored: DINOTUNE_ELSEWHERE isn't set)", folder: "" };
})();

/** Runs a script of tests/elsewhere with the folder and a question in JSON; gives the JSON that it prints. */
export async function askElsewhere<Question, Answer>(
  program: "deno" | "node",
  script: string,
  question: Question,
): Promise<Answer> {
  const command = program === "deno" ? [Deno.execPath(), "run", "-A"] : ["node"];
  const args = [
    ...command.slice(1),
    `${root}tests/elsewhere/${script}`,
    ELSEWHERE.folder,
    JSON.stringify(question),
  ];
  const { code, stdout, stderr } = await new Deno.Command(command[0] ?? "", { args, env: { NO_COLOR: "1" } })
    .output();
  const text = new TextDecoder();
  assert(code === 0, text.decode(stderr));
  return JSON.parse(text.decode(stdout).trim().split("\n").at(-1) ?? "");
}
