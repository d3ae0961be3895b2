/**
 * Data sets that tests write, loaded as a training loads them.
 * @module
 */
import { join } from "@std/path";
import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { datasets } from "../../plugins/datasets/mod.ts";
import { losses } from "../../plugins/losses/mod.ts";
import { Registry } from "../../plugins/registry.ts";
import { templates } from "../../plugins/templates/mod.ts";
import { prepareTokenizer } from "../../plugins/kinds/tokenizer/prepare_tokenizer.ts";
import type { EncodedExample } from "../../kernels/engine/packs/encoded.ts";
import { defaultDataOptions } from "../../tasks/train/config/default_data_options.ts";
import { type LoadedExamples, loadExamples } from "../../tasks/train/data/load.ts";
import { type DataOptions, type LoadInputs } from "../../tasks/train/data/load_inputs.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** Tokenizer of the goldens of data sets. */
export const bundledTokenizer = loadTokenizerSync(
  new URL("../../fixtures/goldens/datasets/tokenizer", import.meta.url).pathname,
);

/** Plugins that loading takes. */
export const dataRegistry = new Registry();

// deno-lint-ignore no-explicit-any -- plugins of three kinds in one list
for (const plugin of [...datasets, ...losses, ...templates] as any[]) dataRegistry.define(plugin, "built-in");

/** Contents by file name: texts as they are, others as JSON. */
export type WrittenFiles = Record<string, unknown>;

/** Writes files to a temporary folder; what loading from there takes. */
export function writtenInputs(
  files: WrittenFiles,
  over: Partial<DataOptions> = {},
  loss = "sft",
  template = "qwen",
): LoadInputs {
  const dataset_dir = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    Deno.writeTextFileSync(
      join(dataset_dir, name),
      typeof content === "string" ? content : JSON.stringify(content),
    );
  }
  const made = dataRegistry.create("template", template);
  return {
    options: {
      ...defaultDataOptions(),
      ...{ dataset: ["d"], per_device_train_batch_size: 1 },
      ...{ dataset_dir, data_cache_dir: join(dataset_dir, "cache"), ...over },
    },
    registry: dataRegistry,
    template: made,
    tokenizer: prepareTokenizer(made, bundledTokenizer).tokenizer,
    loss: dataRegistry.create("loss", loss),
  };
}

/** Loads what {@linkcode writtenInputs} wrote. */
export const loadWritten = (...args: Parameters<typeof writtenInputs>) =>
  loadExamples(writtenInputs(...args));

/** dataset_info.json of a set `d` in d.json. */
export const infoOf = (entry: Record<string, unknown> = {}) => ({ d: { file_name: "d.json", ...entry } });

/** Rows q0 → a0 and so on. */
export const numberedRows = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ instruction: `q${from + i}`, input: "", output: `a${from + i}` }));

/** Texts that are learnt, of one sequence an example. */
export const learntAnswers = (list: EncodedExample[], sequence = 0) =>
  list.map((e) => {
    const labels = Array.from(e.sequences[sequence]!.labels).filter((l) => l !== -100);
    return bundledTokenizer.decode(labels, { skipSpecial: true }).trim();
  });

/** All that the cache keeps. */
export const contentOf = ({ train, evaluation, hash, report }: LoadedExamples) => ({
  ...{ hash, report },
  lists: [train, evaluation].map((list) => list.map((e) => structuredClone({ ...e }))),
});
