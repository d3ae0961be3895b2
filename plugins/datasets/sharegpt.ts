/**
 * ShareGPT records: `{conversations: [{from, value}, …]}` with tool roles; ranking, kto, and IOPO's two human turns.
 *
 * LLaMA-Factory: `SharegptDatasetConverter`.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { converting } from "./_converting.ts";
import { columns, conversation, finish, plainMessage, requiredColumns, sharegptTags } from "./_turns.ts";
import type { Dataset } from "../kinds/dataset.ts";

/** The product: also that of the `iopo` plugin. */
export const sharegpt: Dataset = {
  shapes: ["single", "pair", "kto", "iopo"],
  defaults: { columns, tags: sharegptTags },
  required: (shape) => requiredColumns("conversations", shape),
  convert: (record, attributes, source) =>
    converting(record, attributes, source, (fields) => {
      const read = plainMessage(attributes);
      return finish(fields, attributes, conversation(fields, attributes, read), read);
    }),
};

const Options = z.strictObject({});

/** The plugin `sharegpt`; its fields are in the module's text. */
const sharegptPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "sharegpt",
  version: "1",
  description:
    "Records {conversations: [{from, value}]}, with tool roles; ranking, kto and IOPO's two human turns",
  options: Options,
  create: () => sharegpt,
});
export default sharegptPlugin;
