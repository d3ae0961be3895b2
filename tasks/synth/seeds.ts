/**
 * Plain instructions to begin with: a person's file, or the 64 that come along (our own words, Apache-2.0).
 * @module
 */
import { basename } from "@std/path";
import { fileURLToPath } from "node:url";

import { listFiles } from "../../formats/records/list_files.ts";
import { readRecords } from "../../formats/records/read_files.ts";
import { lastUserText } from "../../plugins/kinds/endpoint.ts";
import type { Message } from "../../plugins/kinds/dataset.ts";
import type { Seed } from "./draft.ts";
import type { Exclusion } from "./exclusion.ts";
import { NearDuplicates } from "./near_duplicates.ts";

/** Where seeds are. */
export interface SeedSource {
  /** File or folder; undefined: the bundled ones. */
  path?: string | undefined;
  /** Column of the instruction; undefined: the first of {@linkcode COLUMNS} that a record has. */
  column?: string | undefined;
}

/** Columns that a seed's text is looked for in. */
const COLUMNS = ["instruction", "prompt", "question", "text", "messages", "conversations"];

/** Seeds and what was left out. */
export interface Seeds {
  /** In the order of the file. */
  seeds: Seed[];
  /** Records that were read. */
  read: number;
  /** Left out, by reason. */
  left: Map<string, number>;
}

/**
 * Reads seeds; near-duplicates of one before, what is excluded and what is empty is left out and counted.
 * @throws {RangeError} If the file isn't there, a record has no such column, or no seed is left
 */
export async function readSeeds(
  { path, column }: SeedSource,
  exclusion: Exclusion,
  threshold: number,
): Promise<Seeds> {
  const files = listFiles([path ?? fileURLToPath(new URL("data/seeds.jsonl", import.meta.url))], "seeds");
  const near = await NearDuplicates.open(threshold);
  const seeds: Seed[] = [], left = new Map<string, number>();
  const leave = (reason: string) => left.set(reason, (left.get(reason) ?? 0) + 1);
  let read = 0;
  for (const file of files) {
    for await (const batch of readRecords(file)) {
      for (const { value, row, line } of batch) {
        read++;
        const source = `${basename(file)}:${line ?? `row ${row}`}`;
        const text = textOf(value, column, source).trim();
        const excluded = text === "" ? null : exclusion.find(text);
        if (text === "") leave("empty");
        else if (excluded !== null) leave(`overlaps with ${excluded.file}`);
        else if (near.add(source, text) !== null) leave("near-duplicate of another seed");
        else seeds.push({ source, text });
      }
    }
  }
  if (seeds.length === 0) {
    throw new RangeError(
      `Cannot begin as a seed is needed: current value is none of ${read} records of ${
        path ?? "the bundled seeds"
      } (${[...left].map(([reason, count]) => `${count} ${reason}`).join(", ") || "the file is empty"})`,
    );
  }
  return { seeds, read, left };
}

function textOf(value: unknown, column: string | undefined, source: string): string {
  if (typeof value === "string") return value;
  const record = typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  const name = column ?? COLUMNS.find((known) => Object.hasOwn(record, known));
  const found = name === undefined ? undefined : record[name];
  if (typeof found === "string") return found;
  if (Array.isArray(found)) return lastUserText(found.map(messageOf));
  throw new RangeError(
    `Cannot read ${source} as a seed: a text is needed in ${
      column ?? COLUMNS.join(", ")
    }: current value has ${
      Object.keys(record).slice(0, 12).join(", ") || "no columns"
    }; seeds.column names it`,
  );
}

function messageOf(message: unknown): Message {
  const { role, from, content, value } = (message ?? {}) as Record<string, unknown>;
  const user = role === "user" || from === "human";
  return { role: user ? "user" : "assistant", content: String(content ?? value ?? "") };
}
