/**
 * ShareGPT records: `{conversations: [{from, value}, …]}` with tool roles; ranking, kto, and IOPO's two human turns.
 *
 * LLaMA-Factory: `SharegptDatasetConverter`.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { converting } from "./_converting.ts";
import { own } from "./_record.ts";
import { openaiReader, THOUGHT_FIELDS } from "./openai.ts";
import {
  columns,
  conversation,
  finish,
  plainMessage,
  type ReadMessage,
  requiredColumns,
  sharegptTags,
} from "./_turns.ts";
import type { Dataset, DatasetAttributes } from "../kinds/dataset.ts";

/** The product: also that of the `iopo` plugin. */
export const sharegpt: Dataset = {
  shapes: ["single", "pair", "kto", "iopo"],
  defaults: { columns, tags: sharegptTags },
  required: (shape) => requiredColumns("conversations", shape),
  convert: (record, attributes, source) =>
    converting(record, attributes, source, (fields) => {
      const read = reader(attributes);
      return finish(fields, attributes, conversation(fields, attributes, read), read);
    }),
};

/** Fields of OpenAI's messages that exports in this format have too. */
const FURTHER = [...THOUGHT_FIELDS, "tool_calls", "function_call"];

/** A turn with a thought or tool calls is read as the format `openai` reads it, so that they aren't lost. */
function reader(attributes: DatasetAttributes): ReadMessage {
  const [plain, further] = [plainMessage(attributes), openaiReader(attributes)];
  return (message, role, field) => {
    const has = FURTHER.some((name) => !isNothing(own(message, name)));
    return (has ? further : plain)(message, role, field);
  };
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === "" ||
    (Array.isArray(value) && value.length === 0);
}

const Options = z.strictObject({});

/** The plugin `sharegpt`; its fields are in the module's text. */
const sharegptPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "sharegpt",
  version: "2",
  description:
    "Records {conversations: [{from, value}]}, with tool roles; ranking, kto and IOPO's two human turns",
  options: Options,
  create: () => sharegpt,
});
export default sharegptPlugin;
