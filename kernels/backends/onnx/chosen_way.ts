/**
 * The way to ONNX Runtime that this process takes: the library's C interface where it can be called, else its binding for JavaScript.
 * @module
 */
import { openLibrary } from "./c_api/mod.ts";
import { cWay } from "./c_way.ts";
import type { OnnxWay } from "./sessions.ts";

/** Environment variable that chooses the way: `binding`, or the C interface where it can be called. */
const CHOICE = "DINOTUNE_ONNX", CHOICES = ["", "binding"];

const { library, reason } = openLibrary(), wish = Deno.env.get(CHOICE) ?? "";
if (!CHOICES.includes(wish)) {
  throw new RangeError(
    `Cannot choose the way to ONNX Runtime: ${CHOICE} is "binding" or unset: current value is "${wish}"`,
  );
}

/** That way. */
export const WAY: OnnxWay = library && wish !== "binding"
  ? cWay(library)
  : await binding(reason ?? `${CHOICE} asks for it`);

/** Loaded only where it is used: the library would be mapped into memory for nothing. */
async function binding(why: string): Promise<OnnxWay> {
  return (await import("./javascript_way.ts")).javascriptWay(why);
}
