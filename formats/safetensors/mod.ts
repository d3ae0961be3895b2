/**
 * Safetensors files, read lazily and written atomically.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { SafetensorsFile, writeSafetensors } from "./mod.ts";
 *
 * const directory = Deno.makeTempDirSync();
 * const path = `${directory}/a.safetensors`;
 * writeSafetensors(path, [{ name: "w", dtype: "BF16", shape: [1, 2], data: () => new Float32Array([1, -2]) }]);
 * using file = new SafetensorsFile(path);
 * assertEquals(file.info("w").shape, [1, 2]);
 * assertEquals([...file.readFloat32("w")], [1, -2]);
 * Deno.removeSync(directory, { recursive: true });
 * ```
 * @module
 */
export { DTYPE_BYTES, type TensorInfo } from "./header.ts";
export { SafetensorsFile, type TensorData } from "./reader.ts";
export { tensorBytes, type TensorToWrite, writeSafetensors, writingSafetensors } from "./writer.ts";
