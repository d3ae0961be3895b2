/**
 * Files that hold settings of DeepSpeed or FSDP: JSON, or the YAML of accelerate.
 * @module
 */
import { readYaml } from "../../../../formats/yaml/yaml.ts";
import { mapOf, type SettingsMap } from "./found.ts";

/**
 * The map of a JSON or YAML file.
 * @throws {Deno.errors.NotFound} If there is no such file
 * @throws {SyntaxError} If it isn't JSON or YAML; names file and line
 * @throws {RangeError} If it holds something else than a map
 */
export function settingsFile(path: string): SettingsMap {
  const text = Deno.readTextFileSync(path);
  if (text.trim() === "") throw new RangeError(`${path} is empty`);
  return mapOf(readYaml(path, { read: () => text }).value, path);
}
