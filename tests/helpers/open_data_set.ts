/**
 * A data set's plugin ready to convert rows, as a run makes it from an entry of dataset_info.json.
 * @module
 */
import { datasets } from "../../plugins/datasets/mod.ts";
import type {
  Dataset,
  DatasetAttributes,
  Dropped,
  Example,
  ExampleShape,
} from "../../plugins/kinds/dataset.ts";
import { Registry } from "../../plugins/registry.ts";
import { resolveAttributes } from "../../tasks/train/data/info/attributes.ts";
import type { DatasetEntry } from "../../tasks/train/data/info/info_entry.ts";

/** A data set that rows can be given to. */
export interface OpenDataSet {
  dataset: Dataset;
  attributes: DatasetAttributes;
  /** Notes on columns. */
  notes: string[];
  convert(row: unknown, index?: number): Example | Dropped;
}

/**
 * Opens one.
 * @param keys Columns of its rows
 * @param settings Fields of its entry besides `formatting`
 */
export function openDataSet(
  formatting: string,
  shape: ExampleShape,
  keys: readonly string[],
  settings: Partial<DatasetEntry> = {},
): OpenDataSet {
  const entry: DatasetEntry = {
    name: "d",
    place: "info.json:1:1",
    formatting,
    ranking: shape === "pair" || shape === "iopo",
    paths: ["d.json"],
    numSamples: null,
    columns: null,
    tags: null,
    options: {},
    notes: [],
    ...settings,
  };
  const dataset = new Registry(datasets).create("dataset", formatting, entry.options);
  const { attributes, notes } = resolveAttributes(entry, dataset, shape, keys);
  return {
    dataset,
    attributes,
    notes,
    convert: (row, index = 0) => dataset.convert(row, attributes, { file: "d.json", row: index }),
  };
}
