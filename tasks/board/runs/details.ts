/**
 * One training run: configuration, checkpoints, model card, files.
 * @module
 */
import { join } from "@std/path";

import { redactValue } from "../../../formats/secrets.ts";
import { readYaml } from "../../../formats/yaml/yaml.ts";
import { listCheckpoints } from "../../../plugins/trainers/local/checkpoints/checkpoint_directory.ts";
import type { Folders } from "../folders.ts";
import { beginningOf, changedAt, ifReadable } from "../readable.ts";
import { Refusal } from "../refusal.ts";

/** A run's files as the page shows them. */
export interface RunDetails {
  /** Where it is, without links. */
  folder: string;
  /** Keys of run.yaml; null where there is none that can be read. */
  config: Record<string, unknown> | null;
  /** Why run.yaml can't be read; null where it can, or isn't there. */
  fault: string | null;
  /** Versions and hashes; null where run.yaml has none. */
  provenance: unknown;
  /** Those that are there, the first step first. */
  checkpoints: { name: string; step: number; bytes: number; made: number }[];
  /** Text of README.md; null where there is none. */
  card: string | null;
  /** Names and sizes of the files beside. */
  files: { name: string; bytes: number }[];
}

/** Bytes of a text file that the page shows, at most. */
const MOST_TEXT = 1 << 20;

/** Reads them. @throws {Refusal} 404 if there is no such run */
export function runDetails(folders: Folders, id: string): RunDetails {
  const path = folders.folder(id);
  let read: Record<string, unknown> | null = null, fault: string | null = null;
  try {
    read = readConfig(folders, id);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    fault = error.message;
  }
  const { provenance, ...config } = read ?? { provenance: null };
  const files = filesOf(path).sort((a, b) => a.name < b.name ? -1 : 1);
  return {
    folder: path,
    config: Object.keys(config).length === 0 ? null : config,
    fault,
    provenance,
    checkpoints: listCheckpoints(path).filter(({ path }) => !isLink(path)).map(({ name, step, path }) => ({
      name,
      step,
      bytes: filesOf(path).reduce((sum, { bytes }) => sum + bytes, 0),
      made: changedAt(path) ?? 0,
    })),
    card: textOf(folders, id, "README.md"),
    files,
  };
}

/** Configurations of several runs beside each other: a row a key. */
export interface ConfigTable {
  /** `different`: the runs don't all have the same value. */
  rows: { key: string; values: (string | null)[]; different: boolean }[];
}

/** Puts configurations beside each other, dots in the names of inner keys. */
export function configTable(folders: Folders, ids: readonly string[]): ConfigTable {
  const configs = ids.map((id) => {
    const { provenance: _, ...config } = readConfig(folders, id) ?? {};
    return flat(config);
  });
  const keys = [...new Set(configs.flatMap((config) => [...config.keys()]))];
  return {
    rows: keys.map((key) => {
      const values = configs.map((config) => config.get(key) ?? null);
      return { key, values, different: new Set(values).size > 1 };
    }),
  };
}

function flat(value: Record<string, unknown>, before = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    const isMap = typeof inner === "object" && inner !== null && !Array.isArray(inner) &&
      Object.keys(inner).length > 0;
    if (!isMap) found.set(before + key, typeof inner === "string" ? inner : JSON.stringify(inner));
    else for (const entry of flat(inner as Record<string, unknown>, `${before}${key}.`)) found.set(...entry);
  }
  return found;
}

/** Keys of run.yaml, secrets hidden; null where there is none. @throws {Error} If it is there and can't be read */
export function readConfig(folders: Folders, id: string): Record<string, unknown> | null {
  let path: string;
  try {
    path = folders.file(id, "run.yaml");
  } catch (error) {
    if (error instanceof Refusal && folders.folder(id) !== "") return null;
    throw error;
  }
  const { value } = readYaml(path);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? redactValue(value) as Record<string, unknown>
    : null;
}

function textOf(folders: Folders, id: string, name: string): string | null {
  try {
    return beginningOf(folders.file(id, name), MOST_TEXT);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function isLink(path: string): boolean {
  return ifReadable(() => Deno.lstatSync(path).isSymlink) ?? true;
}

/** Files of a folder from which a training may take some away meanwhile. */
function filesOf(folder: string): { name: string; bytes: number }[] {
  const entries = ifReadable(() => [...Deno.readDirSync(folder)]) ?? [];
  return entries.filter(({ isFile }) => isFile).flatMap(({ name }) => {
    const bytes = ifReadable(() => Deno.statSync(join(folder, name)).size);
    return bytes === null ? [] : [{ name, bytes }];
  });
}
