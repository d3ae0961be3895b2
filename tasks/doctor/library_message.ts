/**
 * Messages of native libraries, without what only their developers can use.
 * @module
 */

/**
 * The first line of a message without the C++ file, line, function and condition that ONNX Runtime puts in front of what
 * went wrong.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { libraryMessage } from "./library_message.ts";
 *
 * const place = "/src/core/webgpu_context.cc:136 onnxruntime::Context::Initialize(const Config&)::<lambda()> ";
 * assertEquals(libraryMessage(`Cannot start: ${place}r.status == Status::Success was false. No adapters\n`), "Cannot start: No adapters");
 * assertEquals(libraryMessage("install the driver"), "install the driver");
 * ```
 */
export function libraryMessage(message: string): string {
  const [line = ""] = message.split("\n");
  return line.replace(CHECK, "").replace(PLACE, "").trim();
}

/** Place of C++ code: file, line and function. */
const PLACE =
  /(?:[A-Za-z]:)?[/\\]\S+\.(?:cc|cpp|cu|h|hpp):\d+ (?:[\w:&*<>]+ )?[\w:]+\([^)]*\)(?:::<lambda\(.*?\)>)? ?/;
/** A place and the condition that didn't hold there. */
const CHECK = new RegExp(`${PLACE.source}.*? was false\\. ?`);
