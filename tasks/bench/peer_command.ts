/**
 * The other program that a bench measures in turns (`--against`), looked at before anything is measured: a run takes minutes until its turn.
 * @module
 */
import { basename, join } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { shown } from "../../formats/message.ts";
import { startChild } from "./child.ts";

const INTERPRETER = /^(?:python[\d.]*|pypy\d*|node|deno|bash|sh)(?:\.exe)?$/;

/**
 * Makes sure that a command can be run: its program is there, an interpreter has a script, and scripts are there. The bundled ones
 * are asked for their help, which needs the packages they import.
 * @param example Command that is advised
 * @throws {RangeError} If it can't
 */
export async function checkPeer(
  command: string,
  example: string,
  path = Deno.env.get("PATH") ?? "",
): Promise<void> {
  const words = command.split(" ").filter((word) => word !== "");
  const [program = "", ...rest] = words;
  const refuse = (need: string, value: string) =>
    new RangeError(
      `Cannot measure --against ${
        shown(command)
      } as ${need} is needed: current value is ${value}; give one such as "${example}"`,
    );
  const places = program.includes("/") || program.includes("\\")
    ? [program]
    : path.split(Deno.build.os === "windows" ? ";" : ":").flatMap((
      folder,
    ) => [join(folder, program), join(folder, `${program}.exe`)]);
  if (program === "" || !places.some(exists)) throw refuse("a program that is there", shown(program));
  const script = rest.find((word) => !word.startsWith("-"));
  if (INTERPRETER.test(basename(program)) && script === undefined) {
    throw refuse("a program with its script", shown(command));
  }
  const missing = rest.find((word) => /\.(?:py|ts|js|mjs|sh)$/.test(word) && !exists(word));
  if (missing !== undefined) throw refuse("a script that is there", shown(missing));
  if (script === undefined || !example.endsWith(basename(script))) return;
  const { success, stderr } = await startChild(program, {
    args: [...rest, "--help"],
    stdout: "null",
    stderr: "piped",
  })
    .output();
  if (!success) {
    const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
    throw refuse(`a Python with what ${basename(script)} imports`, shown(last, 200));
  }
}
