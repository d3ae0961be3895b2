/**
 * Whether NVIDIA's products of float32 may be TF32, which its own variable decides unless an option does.
 * @module
 */

const TF32 = "NVIDIA_TF32_OVERRIDE";

/** What is read and set of an environment. */
export type EnvironmentVariables = Pick<Deno.Env, "get" | "set" | "delete">;

/** The environment in which the variable is this file's doing. */
let setIn: EnvironmentVariables | null = null;

/**
 * True if NVIDIA's products may round float32 to 10 bits of mantissa. They do unless told otherwise, so where nobody asked for it NVIDIA's
 * own variable is set to 0, for libraries that look at nothing else.
 * @throws {RangeError} If the variable, set by somebody else, says otherwise than `asked`
 */
export function wantsTf32(asked: boolean | undefined, env: EnvironmentVariables): boolean {
  if (setIn === env) env.delete(TF32);
  const value = env.get(TF32), wanted = asked ?? value === "1";
  setIn = value === undefined && !wanted ? env : null;
  if (setIn) env.set(TF32, "0");
  if (value === undefined || wanted === (value === "1")) return wanted;
  throw new RangeError(
    `Cannot use tf32: ${asked} beside the variable ${TF32}: current value is ${value}; unset one of them`,
  );
}
