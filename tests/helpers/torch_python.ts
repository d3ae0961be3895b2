/**
 * The Python of tests of `trainer: torch`, and its processes.
 * @module
 */

/** `ignore` if DINOTUNE_PYTHON is missing; `why` is for names of tests. A Python that is named but lacks a package is a fault, no reason. */
export const TORCH_PYTHON: { ignore: boolean; why: string } = Deno.env.get("DINOTUNE_PYTHON")
  ? { ignore: false, why: "" }
  : { ignore: true, why: " (ignored: DINOTUNE_PYTHON isn't set)" };

/** {@linkcode TORCH_PYTHON} for tests of minutes, which only `DINOTUNE_TORCH=full` runs. */
export const TORCH_FULL: { ignore: boolean; why: string } =
  TORCH_PYTHON.ignore || Deno.env.get("DINOTUNE_TORCH") === "full"
    ? TORCH_PYTHON
    : { ignore: true, why: " (ignored: DINOTUNE_TORCH isn't full)" };

/** True if the Python of the tests has a package. */
export function hasPythonPackage(name: string): boolean {
  if (TORCH_PYTHON.ignore) return false;
  const args = ["-c", `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`];
  return new Deno.Command(Deno.env.get("DINOTUNE_PYTHON")!, { args }).outputSync().success;
}

/** True if a process is there and not only waits to be asked how it ended. */
export function isAlive(id: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(Deno.readTextFileSync(`/proc/${id}/stat`));
  } catch {
    return false;
  }
}

/** Waits until processes are gone, three minutes at most (a busy machine takes long to end PyTorch); gives those that aren't. */
export async function whoStays(ids: readonly number[]): Promise<number[]> {
  for (let turn = 0; turn < 3600 && ids.some(isAlive); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return ids.filter(isAlive);
}
