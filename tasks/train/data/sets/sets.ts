/**
 * One data set: its entry in dataset_info.json, its plugin, its files; gives converted rows.
 * @module
 */
import type { Dataset, DatasetAttributes, Example, ExampleShape } from "../../../../plugins/kinds/dataset.ts";
import type { Registry } from "../../../../plugins/registry.ts";
import { detectFormat } from "../info/detect_format.ts";
import { resolveAttributes } from "../info/attributes.ts";
import { type HubDataset, resolveDataset, type ResolveOptions } from "../../../../formats/hub/mod.ts";
import type { DatasetInfo } from "../info/info.ts";
import type { DatasetEntry } from "../info/info_entry.ts";
import { listFiles } from "../../../../formats/records/list_files.ts";
import { readRecords } from "../../../../formats/records/read_files.ts";
import { type RawRecord } from "../../../../formats/records/record.ts";
import { CsvWords } from "./csv_words.ts";
import { UnusedFields } from "./unused_fields.ts";
import { type RowTally, shortValue } from "../report/report.ts";
import { productIdentity } from "../../../../plugins/kinds/product_identity.ts";

/** Records that are looked at to learn what columns a file has. */
const PEEKED = 1000;

/** A row of a set: where it stands, and the example, or null when it was dropped (and counted). */
export interface SetRow {
  /** Position in the set, from 0, over all its files. */
  position: number;
  /** The example, or null. */
  example: Example | null;
}

/** An entry of the hub with the files on this machine; its commit is part of what is cached. */
async function downloadedEntry(
  entry: DatasetEntry,
  wanted: HubDataset,
  options: ResolveOptions,
): Promise<DatasetEntry> {
  const { paths, names, commit, revision, bytes } = await resolveDataset(wanted, options);
  const files = names.length === 1 ? names[0]! : `${names.length} files`;
  const note = `${wanted.name} is split ${wanted.split} of the hub's ${
    wanted.subset === null ? "" : `subset ${wanted.subset}, `
  }revision ${revision}, commit ${commit}: ${files}, ${megabytes(bytes)}`;
  return { ...entry, paths: [...paths], commit, notes: [...entry.notes, note] };
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A data set that can be read. */
export class DataSet {
  /** As dataset_info.json has it. */
  readonly entry: DatasetEntry;
  /** Files in the order in which they are read. */
  readonly files: readonly string[];
  /** The plugins that convert its records, see {@linkcode productIdentity}. */
  readonly converters: readonly string[];
  /** Name of the dataset plugin. */
  readonly formatting: string;
  /** Set when reading starts. */
  notes: string[] = [];
  readonly #dataset: Dataset;
  readonly #shape: ExampleShape;

  /**
   * Opens a set, downloaded if it is on the hub. Only of a file that is named by its path something is read: the first
   * records, to see its format.
   * @param how `hub`: where the hub is and how it is asked
   * @throws {RangeError} As the constructor does, if the format can't be seen, or the hub has no such set
   * @throws {Error} If a download fails
   */
  static async open(
    info: DatasetInfo,
    name: string,
    { shape, registry, hub = {} }: {
      shape: ExampleShape;
      registry: Registry;
      hub?: ResolveOptions | undefined;
    },
  ): Promise<DataSet> {
    const written = info.entry(name);
    const entry = written.hub === undefined ? written : await downloadedEntry(written, written.hub, hub);
    const formatting = entry.formatting ??
      await detectFormat(listFiles(entry.paths, `data set "${name}"`), shape);
    const notes = entry.formatting === null
      ? [
        `${name} is read as formatting ${formatting}, by its first record; an entry in dataset_info.json can say otherwise`,
      ]
      : [];
    return new DataSet({ ...entry, notes: [...entry.notes, ...notes] }, formatting, shape, registry);
  }

  /**
   * Opens a set; nothing is read yet.
   *
   * @param shape Shape of the loss's examples.
   * @throws {RangeError} If the name, the formatting or a file is unknown, or the set can't give this shape.
   * @throws {TypeError} If the entry has a field of a wrong type.
   */
  constructor(entry: DatasetEntry, formatting: string, shape: ExampleShape, registry: Registry) {
    this.entry = entry;
    this.formatting = formatting;
    const { name, options, place } = entry;
    try {
      registry.get("dataset", formatting);
    } catch (error) {
      throw new RangeError(
        `${(error as Error).message}. It is named by formatting of data set "${name}" at ${place}`,
      );
    }
    this.#dataset = registry.create("dataset", formatting, options);
    this.converters = productIdentity(this.#dataset);
    this.#shape = shape;
    this.files = listFiles(this.entry.paths, `data set "${name}" at ${place}`);
    this.#resolve([]); // faults of the entry itself are reported before reading
  }

  /** Size of all files, in bytes. */
  get bytes(): number {
    return this.files.reduce((sum, file) => sum + Deno.statSync(file).size, 0);
  }

  /** Number of rows; reads all files. */
  async count(onBytes: (read: number) => void): Promise<number> {
    let rows = 0;
    for await (const { batch } of this.#records(onBytes)) rows += batch.length;
    return rows;
  }

  /**
   * Reads and converts rows in batches.
   *
   * @param limit Rows at most.
   * @param wanted Positions to convert; null: all. The others are passed over and not counted.
   */
  async *rows(
    tally: RowTally,
    onBytes: (read: number) => void,
    limit = Infinity,
    wanted: ReadonlySet<number> | null = null,
  ): AsyncGenerator<SetRow[]> {
    let waiting: { file: string; batch: RawRecord[] }[] = [];
    const keys = new Set<string>();
    let attributes: DatasetAttributes | null = null;
    let watched: [UnusedFields, CsvWords] | null = null;
    let [peeked, position] = [0, 0];
    const convert = (file: string, batch: RawRecord[]): SetRow[] => {
      const rows: SetRow[] = [];
      for (const record of batch) {
        const rowPosition = position++;
        if (rowPosition >= limit || (wanted && !wanted.has(rowPosition))) continue;
        tally.rows++;
        for (const each of watched ?? []) each.see(file, record.value, record.line);
        rows.push({ position: rowPosition, example: this.#convert(record, file, attributes!, tally) });
      }
      return rows;
    };
    const start = () => {
      const resolved = this.#resolve([...keys]);
      attributes = resolved.attributes;
      watched = [new UnusedFields(attributes, this.#dataset.defaults.columns), new CsvWords(attributes)];
      this.notes = [...this.entry.notes, ...resolved.notes];
      const batches = waiting.map(({ file, batch }) => convert(file, batch));
      waiting = [];
      return batches;
    };
    try {
      for await (const { file, batch } of this.#records(onBytes)) {
        if (attributes) yield convert(file, batch);
        else {
          waiting.push({ file, batch });
          for (const { value } of batch) addKeys(keys, value);
          peeked += batch.length;
          if (peeked >= PEEKED) yield* start();
        }
        if (position >= limit) break;
      }
      if (!attributes) yield* start();
    } finally {
      for (const each of (watched as [UnusedFields, CsvWords] | null) ?? []) this.notes.push(...each.notes());
    }
  }

  /** @throws {RangeError} As {@linkcode resolveAttributes}; fields of the entry that do nothing may be why, so they are told too. */
  #resolve(keys: readonly string[]): ReturnType<typeof resolveAttributes> {
    try {
      return resolveAttributes(this.entry, this.#dataset, this.#shape, keys);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError([error.message, ...this.entry.notes].join(". Note: "), { cause: error });
    }
  }

  async *#records(onBytes: (read: number) => void): AsyncGenerator<{ file: string; batch: RawRecord[] }> {
    for (const file of this.files) {
      for await (const batch of readRecords(file, onBytes)) yield { file, batch };
    }
  }

  #convert(
    { value, row, line }: RawRecord,
    file: string,
    attributes: DatasetAttributes,
    tally: RowTally,
  ): Example | null {
    const converted = this.#dataset.convert(value, attributes, { file, row });
    if (!("reason" in converted)) return converted;
    const { reason, field } = converted;
    tally.drop(reason, { file, row, line, field, value: shortValue(value, field) });
    return null;
  }
}

function addKeys(keys: Set<string>, record: unknown): void {
  if (typeof record !== "object" || record === null) return;
  for (const key of Object.keys(record)) keys.add(key);
}
