/**
 * Meanings of a data set's columns and tags: those of its entry in dataset_info.json, completed by defaults.
 * @module
 */
import type { Dataset, DatasetAttributes, ExampleShape } from "../../../../plugins/kinds/dataset.ts";
import { didYouMean } from "../../../../formats/did_you_mean.ts";
import type { DatasetEntry } from "./info_entry.ts";
import { shortList } from "./short_list.ts";
import { otherToolsHint } from "./other_tools.ts";

/**
 * Puts defaults into an entry's columns and tags.
 *
 * Columns that the entry names are used and no others, as in LLaMA-Factory, as long as they suffice; a set without an entry has its
 * system texts, tools and histories by these names, too. If they don't, so that
 * LLaMA-Factory would drop every row, the missing ones get their default names and a note says so. Tags are always completed.
 *
 * @param shape Shape of the loss's examples.
 * @param keys Columns of the file (all keys of its first records).
 * @throws {RangeError} If the set can't give this shape, a column or tag is unknown, or a column is not in the file.
 */
export function resolveAttributes(
  entry: DatasetEntry,
  dataset: Dataset,
  shape: ExampleShape,
  keys: readonly string[],
): { attributes: DatasetAttributes; notes: string[] } {
  // a file named by its path has no entry that could say so: its rows tell
  const ranking = entry.ranking ?? (shape === "pair" || shape === "iopo");
  checkShape(entry, ranking, dataset, shape);
  const notes: string[] = [];
  const where = `of data set "${entry.name}" at ${entry.place}`;
  checkNames(entry.columns, Object.keys(dataset.defaults.columns), "column", where);
  checkNames(entry.tags, Object.keys(dataset.defaults.tags), "tag", where);
  checkApart(entry.columns, "column", where);
  checkApart(entry.tags, "tag", where);
  const columns = chooseColumns(entry, dataset, shape, { where, notes });
  const isInFile = Object.values(columns).some((column) => column && keys.includes(column));
  const hint = otherToolsHint(keys, shape);
  if (keys.length > 0 && !isInFile && hint !== "") {
    throw new RangeError(
      `Cannot use data set "${entry.name}" at ${entry.place} as ${entry.formatting}: the file has ${
        shortList(keys)
      }. ${hint}`,
    );
  }
  adaptToFile(columns, { required: dataset.required(shape), entry, keys, where, notes, hint });
  const tags = completeTags(entry, dataset, { where, notes });
  return { attributes: { name: entry.name, ranking, shape, columns, tags }, notes };
}

/** The entry's columns, completed by defaults where they don't suffice; says so in `notes`. */
function chooseColumns(
  entry: DatasetEntry,
  dataset: Dataset,
  shape: ExampleShape,
  { where, notes }: { where: string; notes: string[] },
): Record<string, string | null> {
  const required = dataset.required(shape);
  const defaults = { ...dataset.defaults.columns, ...required };
  const columns: Record<string, string | null> = Object.fromEntries(
    Object.keys(dataset.defaults.columns).map((name) => [name, null]),
  );
  const named = Object.fromEntries(Object.entries(entry.columns ?? {}).filter(([, column]) => column));
  Object.assign(columns, entry.columns ? named : defaults);
  if (entry.formatting === null) nameOptional(columns);
  // an alpaca prompt may be in either column
  const missing = Object.keys(required).filter((name) =>
    !columns[name] && !(name === "prompt" && columns.query)
  );
  if (missing.length === 0) return columns;
  const added: string[] = [];
  for (const [name, column] of Object.entries(defaults)) {
    if (columns[name] || !column || (entry.columns && Object.hasOwn(entry.columns, name))) continue;
    columns[name] = column;
    added.push(`${name}: "${column}"`);
  }
  notes.push(
    `columns ${where} don't name ${missing.join(", ")}: taken are the defaults ${
      added.join(", ")
    } (LLaMA-Factory ` +
      `would use no column there and drop every row)`,
  );
  return columns;
}

/** The entry's tags, completed by defaults; says so in `notes` where the entry has some of its own. */
function completeTags(
  entry: DatasetEntry,
  dataset: Dataset,
  { where, notes }: { where: string; notes: string[] },
): DatasetAttributes["tags"] {
  const tags = { ...dataset.defaults.tags, ...entry.tags };
  const completed = Object.keys(dataset.defaults.tags).filter((tag) =>
    entry.tags && !Object.hasOwn(entry.tags, tag)
  );
  if (completed.length > 0) {
    notes.push(
      `tags ${where} don't name ${completed.join(", ")}: taken are the defaults ${
        completed.map((tag) => `"${tags[tag]}"`).join(", ")
      } (LLaMA-Factory would use none)`,
    );
  }
  return tags;
}

/**
 * What LLaMA-Factory reads only where an entry names it: a file without an entry has none that could, and without its tools, system
 * text or earlier turns a row would be learnt behind another prompt.
 */
function nameOptional(columns: Record<string, string | null>): void {
  for (const name of ["system", "tools", "history"]) {
    if (Object.hasOwn(columns, name)) columns[name] ??= name;
  }
}

/** Columns that can't be left out must be in the file; a few have a second usual name. */
function adaptToFile(
  columns: Record<string, string | null>,
  { required, entry, keys, where, notes, hint }: {
    required: Readonly<Record<string, string>>;
    entry: DatasetEntry;
    keys: readonly string[];
    where: string;
    notes: string[];
    hint: string;
  },
): void {
  const second: Readonly<Record<string, readonly string[]>> = {
    messages: ["messages", "conversations"],
    prompt: ["text"],
    kto_tag: ["label"],
  };
  for (const [name, column] of Object.entries(columns)) {
    if (!column || keys.length === 0 || keys.includes(column)) continue;
    const isNamed = Boolean(entry.columns && Object.hasOwn(entry.columns, name));
    if (!isNamed) {
      const other = second[name]?.find((key) => keys.includes(key));
      if (other) {
        columns[name] = other;
        notes.push(`column "${other}" is taken for ${name} ${where}, as the file has no "${column}"`);
        continue;
      }
    }
    if (!isNamed && !(name in required)) continue; // a later record may have it
    // an alpaca file without instructions may have inputs alone
    if (name === "prompt" && columns.query && keys.includes(columns.query)) continue;
    const near = didYouMean(column, keys);
    const columnHint = `Write "columns": {"${name}": "<column>"}`;
    throw new RangeError(
      `Cannot find column "${column}" (${name}) ${where} in ${entry.paths.join(", ")}${near}: the file has ${
        shortList(keys)
      }. ${near === "" && hint !== "" ? hint : columnHint}`,
    );
  }
}

function checkShape(entry: DatasetEntry, ranking: boolean, dataset: Dataset, shape: ExampleShape): void {
  const stages: Record<ExampleShape, string> = {
    text: "stage pt",
    single: "stage sft",
    pair: "stage dpo or rm",
    kto: "stage kto",
    iopo: "stage iopo",
    prompt: "stage grpo",
  };
  const fail = (has: string, what: string) => {
    throw new RangeError(
      `Cannot use data set "${entry.name}" at ${entry.place} for ${
        stages[shape]
      }: current value is ${has}. ${what}`,
    );
  };
  const wantsRanking = shape === "pair" || shape === "iopo";
  const alwaysIopo = dataset.shapes.every((s) => s === "iopo");
  if (!dataset.shapes.includes(shape)) {
    const fits = dataset.shapes.map((s) => stages[s]).join(", ");
    fail(
      `formatting ${entry.formatting}, whose rows fit ${fits}`,
      "Use a set of another formatting or another stage",
    );
  }
  if (wantsRanking && !ranking && !alwaysIopo) {
    fail("a set without ranking", 'If its rows have chosen and rejected answers, add "ranking": true');
  }
  if (!wantsRanking && ranking) {
    fail('a set with "ranking": true', "Use stage dpo (or rm, iopo), or name a set with one answer a row");
  }
  if (shape === "single" && entry.columns?.kto_tag) {
    fail(
      `a set with kto_tag "${entry.columns.kto_tag}"`,
      "Use stage kto, or take kto_tag out of its columns",
    );
  }
}

function checkNames(
  named: Readonly<Record<string, unknown>> | null,
  known: readonly string[],
  what: string,
  where: string,
): void {
  for (const name of Object.keys(named ?? {})) {
    if (known.includes(name)) continue;
    throw new RangeError(
      `Cannot use ${what} "${name}" ${where}${didYouMean(name, known)}: known are ${
        known.join(", ") || "none"
      }`,
    );
  }
}

/** One field can't be two things: a prompt that is its own answer teaches to repeat it. */
function checkApart(
  named: Readonly<Record<string, string | null>> | null,
  what: string,
  where: string,
): void {
  const first = new Map<string, string>();
  for (const [name, field] of Object.entries(named ?? {})) {
    if (!field) continue;
    const other = first.get(field);
    if (other !== undefined) {
      throw new RangeError(
        `Cannot use ${what} "${field}" ${where} as both ${other} and ${name}: name another for one of them`,
      );
    }
    first.set(field, name);
  }
}
