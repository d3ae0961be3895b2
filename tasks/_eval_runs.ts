/**
 * deno task eval as a process, for its tests.
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { runDeno } from "../tests/helpers/deno_process.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export async function inNewFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The task as a person runs it; with the environment's keys taken away. */
export async function evalHere(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string }> {
  const { code, all } = await runDeno(["run", "-A", "--no-check", "tasks/eval.ts", ...args], {
    env: { OPENAI_API_KEY: "", OPENAI_API_BASE: "", OPENAI_BASE_URL: "", ...env },
  });
  return { code, out: all };
}

export async function yamlFile(
  folder: string,
  model: string,
  dataset = "  dataset: {args: {url: rows.jsonl}}\n",
): Promise<string> {
  const path = join(folder, "eval.yaml");
  await Deno.writeTextFile(
    path,
    `evaluator:\n  type: rows\n${dataset}  model: ${model}\n  judge: {type: recorded, args: {path: none.jsonl}}\n` +
      "  cache: false\n",
  );
  return path;
}
