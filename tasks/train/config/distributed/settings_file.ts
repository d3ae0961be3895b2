/**
 * Files that hold a map beside the training file, such as settings of DeepSpeed or FSDP: JSON, or YAML.
 * @module
 */
import { decodeUtf8 } from "../../../../formats/utf8.ts";
import { readYaml } from "../../../../formats/yaml/yaml.ts";
import { mapOf, type SettingsMap } from "./found.ts";

/**
 * The map of a JSON or YAML file.
 * @throws {Deno.errors.NotFound} If there is no such file
 * @throws {SyntaxError} If it isn't UTF-8, JSON or YAML; names file and line
 * @throws {RangeError} If it holds something else than a map
 */
export function settingsFile(path: string): SettingsMap {
  const text = decodeUtf8(Deno.readFileSync(path), path, "YAML");
  if (text.trim() === "") throw new RangeError(`${path} is empty`);
  return mapOf(readYaml(path, { read: () => text }).value, path);
}
