/**
 * Configuration files with one key at the top (`evaluator:`, `synth:`): `key=value` arguments over them, paths beside the file that
 * names them, all faults of a schema at once, each with file and line. Nothing is ever written into a person's file.
 * @module
 */
import { dirname, isAbsolute, resolve } from "@std/path";
import type { z } from "zod";

import { didYouMean } from "../../../formats/did_you_mean.ts";
import { exists } from "../../../formats/exists.ts";
import { bounded, shortened, shown } from "../../../formats/message.ts";
import { type Place, placeText, readYaml, type YamlFile } from "../../../formats/yaml/yaml.ts";
import { inWords } from "../../../formats/zod_words.ts";
import { pluginPath } from "./config_file.ts";
import { fileOfOtherTask } from "./file_purpose.ts";
import { readOverride, setNested } from "./override.ts";
import { faultsOf, isMap } from "./settings_faults.ts";

/** Form of a task's files. */
export interface SettingsShape {
  /** The key at the top. */
  top: string;
  /** The task's verb, for messages: `evaluate`. */
  verb: string;
  /** Options that name files: found beside the YAML file that names them, else in the working folder. */
  paths: ReadonlySet<string>;
  /** Keys whose value on the command line may be a YAML file. */
  files: readonly string[];
  /** An argument of this task, for messages. */
  example: string;
  /** Called before an argument is applied; `given`: keys that arguments before it named. */
  beforeOverride?: (value: Record<string, unknown>, key: string, given: ReadonlySet<string>) => void;
}

/** Value under the key at the top, not validated yet. */
export interface Settings {
  /** Arguments applied, paths of files that are there absolute. */
  value: Record<string, unknown>;
  /** Where a key was written: `file:line:column`, or the argument. */
  placeOf(...path: (string | number)[]): string;
  /** Provenance of a run.yaml; undefined in other files. */
  provenance: unknown;
}

/**
 * Takes a file apart and applies arguments.
 * @param overrides `key=value`; keys are those under `shape.top`, dots lead further in
 * @throws {RangeError} If the top isn't as `shape` says, or an argument can't be applied
 */
export function openSettings(
  file: YamlFile,
  overrides: readonly string[],
  shape: SettingsShape,
): Settings {
  const { top: key, verb } = shape;
  const name = file.files[0] ?? "the configuration";
  const top = file.value;
  const unknownTop = isMap(top)
    ? Object.keys(top).filter((known) => known !== key && known !== "provenance")
    : [];
  if (!isMap(top) || !isMap(top[key])) {
    const other = isMap(top) ? fileOfOtherTask(Object.keys(top), key) : null;
    if (other !== null) throw new RangeError(`${name}: Cannot ${verb} with this file as ${other}`);
    throw new RangeError(
      `Cannot ${verb} as ${name} needs a map under the key ${key}` +
        (unknownTop.length > 0
          ? `: current value has ${shortened(unknownTop.join(", "))}`
          : `: current value is ${isMap(top) && Object.hasOwn(top, key) ? shown(top[key]) : shown(top)}`),
    );
  }
  if (unknownTop.length > 0) {
    throw new RangeError(
      bounded(
        unknownTop.map((unknown) =>
          `${placeText(file.place([unknown])) || name}: Cannot use the unknown key "${shortened(unknown)}"${
            didYouMean(unknown, [key])
          }: only ${key} stands at the top`
        ).join("\n"),
      ),
    );
  }
  const value = structuredClone(top[key]) as Record<string, unknown>;
  const places = new Map<string, string | YamlFile>();
  for (const override of overrides) applyOverride(value, override, places, shape);

  const placeAt = (path: readonly (string | number)[]): { text: string; folder: string } => {
    for (let end = path.length; end > 0; end--) {
      const from = places.get(path.slice(0, end).join("."));
      if (typeof from === "string") return { text: from, folder: "." };
      if (from !== undefined) {
        const place = from.place(path.slice(end)) ?? { file: from.files[0]!, line: 1, column: 1 };
        return { text: placeText(place), folder: dirname(place.file) };
      }
    }
    let place: Place | undefined;
    for (let end = path.length; end >= 0 && place === undefined; end--) {
      place = file.place([key, ...path.slice(0, end)]);
    }
    return { text: placeText(place) || name, folder: dirname(place?.file ?? name) };
  };
  resolvePaths(value, [], (path) => placeAt(path).folder, shape.paths);
  return { value, placeOf: (...path) => placeAt(path).text, provenance: top.provenance };
}

/**
 * The settings as the schema reads them: every default filled in.
 * @throws {RangeError} If a key or value is wrong; all faults at once, one per line
 */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  { value, placeOf }: Pick<Settings, "value" | "placeOf">,
  top: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) =>
    faultsOf(issue, { value, placeOf: (path) => placeOf(...path), schema, top })
  );
  throw new RangeError(bounded(faults.join("\n")));
}

function applyOverride(
  value: Record<string, unknown>,
  override: string,
  places: Map<string, string | YamlFile>,
  { top, example, files, beforeOverride }: SettingsShape,
): void {
  const { key: written, value: given, text, place } = readOverride(override, example);
  const key = written.startsWith(`${top}.`) ? written.slice(top.length + 1) : written;
  beforeOverride?.(value, key, new Set(places.keys()));
  if (files.includes(key) && /\.(ya?ml|json)$/i.test(text)) {
    const file = readYaml(text, { keys: {} });
    places.set(key, file);
    setNested(value, { key, place }, file.value);
  } else {
    places.set(key, place);
    setNested(value, { key, place }, given);
  }
}

/** Makes paths of files that are there absolute; what isn't there stays as written, for an error that names it so. */
function resolvePaths(
  value: unknown,
  path: (string | number)[],
  folderOf: (path: (string | number)[]) => string,
  keys: ReadonlySet<string>,
): void {
  if (Array.isArray(value)) value.forEach((item, i) => resolvePaths(item, [...path, i], folderOf, keys));
  if (!isMap(value)) return;
  const found = (item: unknown, here: (string | number)[]) =>
    typeof item !== "string" || item === "" || isAbsolute(item)
      ? item
      : [resolve(folderOf(here), item), resolve(item)].find(exists) ?? item;
  for (const [key, item] of Object.entries(value)) {
    const here = [...path, key];
    if (key === "plugins" && path.length === 0 && Array.isArray(item)) {
      value[key] = item.map((plugin) =>
        typeof plugin === "string" ? pluginPath(plugin, folderOf(here)) : plugin
      );
    } else if (!keys.has(key)) resolvePaths(item, here, folderOf, keys);
    else if (typeof item === "string") value[key] = found(item, here);
    else if (Array.isArray(item)) value[key] = item.map((one, i) => found(one, [...here, i]));
    else resolvePaths(item, here, folderOf, keys);
  }
}
