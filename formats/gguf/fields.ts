/**
 * Values of a GGUF file's metadata, by key and type.
 * @module
 */
import { shown } from "../message.ts";
import type { GgufMetadata, GgufValue } from "./header.ts";

function field(metadata: GgufMetadata, key: string, path: string): GgufValue {
  const value = metadata.get(key);
  if (value === undefined) throw new RangeError(`Cannot open ${path}: its metadata have no "${key}"`);
  return value;
}

/**
 * A text.
 * @throws {RangeError} If the key is missing.
 * @throws {TypeError} If it isn't one.
 */
export function textField(metadata: GgufMetadata, key: string, path: string): string {
  const value = field(metadata, key, path);
  if (typeof value !== "string") {
    throw new TypeError(`Cannot open ${path}: "${key}" is ${shown(value)}, not a text`);
  }
  return value;
}

/**
 * A finite number, or `otherwise` where the key is missing.
 * @throws {RangeError} If the key is missing and nothing stands for it.
 * @throws {TypeError} If it isn't one.
 */
export function realField(metadata: GgufMetadata, key: string, path: string, otherwise?: number): number {
  if (otherwise !== undefined && !metadata.has(key)) return otherwise;
  const value = field(metadata, key, path);
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`Cannot open ${path}: "${key}" is ${shown(value)}, not a number`);
  }
  return value;
}

/**
 * A whole number from 0 on, which may be given as a list of the same for every layer, or `otherwise` where the key is missing.
 * @throws {RangeError} If the key is missing and nothing stands for it.
 * @throws {TypeError} If it isn't one, or layers differ.
 */
export function integerField(metadata: GgufMetadata, key: string, path: string, otherwise?: number): number {
  const value = field(
    otherwise !== undefined && !metadata.has(key) ? new Map([[key, otherwise]]) : metadata,
    key,
    path,
  );
  // Some architectures give one count a layer; the same for all layers is one count.
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from<unknown>(value) : [value];
  const single = list.length > 0 && list.every((item) => item === list[0]) ? list[0] : undefined;
  if (typeof single !== "number" || !Number.isSafeInteger(single) || single < 0) {
    throw new TypeError(
      `Cannot open ${path}: "${key}" is ${shown(value)}, not one count for all layers`,
    );
  }
  return single;
}
