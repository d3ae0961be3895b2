/**
 * llama.cpp as a peer: node-llama-cpp from npm, installed into a temporary folder for one bench, and no dependency of the project.
 * @module
 */
import { fileURLToPath } from "node:url";
import { join } from "@std/path";

import { type OwnTemporaryFolder, ownTemporaryFolder } from "../../../formats/own_temporary_folder.ts";
import { startChild } from "../child.ts";

/** Version that is installed. */
const NODE_LLAMA_CPP = "3.22.1";

/** Packages of its library, by system. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "linux x86_64": "linux-x64",
  "linux aarch64": "linux-arm64",
  "darwin aarch64": "mac-arm64-metal",
  "darwin x86_64": "mac-x64",
  "windows x86_64": "win-x64",
};

/**
 * Installs it, with what runs it.
 * @returns The folder; the caller releases it
 * @throws {Error} If npm isn't there or fails, or there is no library for this system.
 */
export async function installLlamaCpp(say: (line: string) => void): Promise<OwnTemporaryFolder> {
  const library = LIBRARIES[`${Deno.build.os} ${Deno.build.arch}`];
  if (library === undefined) {
    throw new Error(
      `Cannot install node-llama-cpp: it has no library for ${Deno.build.os} on ${Deno.build.arch}`,
    );
  }
  const own = ownTemporaryFolder("dinotune-llama-cpp-"), folder = own.path;
  say(`installing node-llama-cpp ${NODE_LLAMA_CPP} into ${folder}`);
  try {
    await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    const packages = [`node-llama-cpp@${NODE_LLAMA_CPP}`, `@node-llama-cpp/${library}@${NODE_LLAMA_CPP}`];
    // Optional packages are the libraries of all systems, most of a gigabyte.
    const args = ["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", ...packages];
    const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
    const { success, stderr } = await startChild(npm, {
      args,
      cwd: folder,
      stdout: "null",
      stderr: "piped",
    })
      .output();
    if (!success) {
      throw new Error(`Cannot install node-llama-cpp: npm says ${new TextDecoder().decode(stderr).trim()}`);
    }
    for (const name of ["llama_cpp_child.ts", "generate_measure.ts"]) {
      await Deno.copyFile(fileURLToPath(new URL(`./${name}`, import.meta.url)), join(folder, name));
    }
    return own;
  } catch (error) {
    own.release();
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("Cannot install node-llama-cpp: npm isn't on PATH", { cause: error });
  }
}
