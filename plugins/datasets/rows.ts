/**
 * Prompts with constraints, for stage grpo: `{prompt, constraints}` or `{messages, constraints}`, in the form of benchmark `rows`, so that one file can be trained on and
 * another of its kind be held out. `id`, `system`, `tools`, `groups` and `fields` are optional; a row without constraints is for judges that need none.
 * @module
 */
import { z } from "zod";

import { ConstraintOfRow, TextsOfRow } from "../kinds/constraint_rows.ts";
import type { Dataset, DatasetAttributes, Example, Message, PromptTask } from "../kinds/dataset.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { converting } from "./_converting.ts";
import { assistant, extras, own, RecordFault, requiredText } from "./_record.ts";
import { alternate, conversation, withSystemTaken } from "./_turns.ts";
import { openaiReader, openaiTags } from "./openai.ts";

const columns = {
  id: "id",
  messages: "messages",
  prompt: "prompt",
  constraints: "constraints",
  groups: "groups",
  fields: "fields",
  system: "system",
  tools: "tools",
};

const dataset: Dataset = {
  shapes: ["prompt"],
  defaults: { columns, tags: openaiTags },
  required: () => ({}),
  convert: (record, attributes, source) => converting(record, attributes, source, convert),
};

const Options = z.strictObject({});

/** The plugin `rows`; its fields are in the module's text. */
const rowsPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "rows",
  version: "1",
  description:
    "Prompts with constraints {prompt or messages, constraints}, whose answers are drawn and rewarded",
  options: Options,
  create: () => dataset,
});
export default rowsPlugin;

function convert(record: Record<string, unknown>, attributes: DatasetAttributes): Omit<Example, "source"> {
  const { shape } = attributes;
  if (shape !== "prompt") throw new RecordFault(`rows of prompts don't hold what ${shape} needs`, "");
  const { system, tools, turns, field } = promptOf(record, attributes);
  alternate(turns, field);
  if (turns.length % 2 !== 1) throw new RecordFault("prompt does not end with a user's turn", field);
  return {
    shape,
    system,
    tools,
    prompts: { x: turns },
    answers: { y: assistant("") },
    task: taskOf(record, attributes),
  };
}

function promptOf(
  record: Record<string, unknown>,
  attributes: DatasetAttributes,
): { system: string; tools: string; turns: Message[]; field: string } {
  const value = (name: string) => valueOf(record, attributes, name), field = fieldOf(attributes, "prompt");
  if (value("messages") === undefined) {
    const turns: Message[] = [{ role: "user", content: requiredText(value("prompt"), "prompt", field) }];
    return { ...withSystemTaken({ ...extras(record, attributes), turns }), field };
  }
  if (value("prompt") !== undefined) throw new RecordFault("record has messages beside prompt", field);
  const talk = conversation(record, attributes, openaiReader(attributes));
  return { ...talk, field: fieldOf(attributes, "messages") };
}

function taskOf(record: Record<string, unknown>, attributes: DatasetAttributes): PromptTask {
  const value = (name: string) => valueOf(record, attributes, name);
  const read = <T>(name: string, schema: z.ZodType<T>, needed: string): T => {
    const { data, success } = schema.safeParse(value(name));
    if (success) return data;
    throw new RecordFault(`${name} are not ${needed}`, fieldOf(attributes, name));
  };
  const id = value("id") ?? "";
  if (typeof id !== "string" && typeof id !== "number") {
    throw new RecordFault("id is neither text nor number", fieldOf(attributes, "id"));
  }
  return {
    id: String(id),
    constraints: read(
      "constraints",
      z.array(ConstraintOfRow).default([]),
      "a list of texts or of {text, rule: {id, kwargs}, groups}",
    ),
    groups: read("groups", TextsOfRow.default({}), "a map of names to texts"),
    fields: read("fields", TextsOfRow.default({}), "a map of names to texts"),
  };
}

function fieldOf({ columns }: DatasetAttributes, name: string): string {
  return columns[name] ?? name;
}

/** undefined where it is absent or null. */
function valueOf(record: Record<string, unknown>, { columns }: DatasetAttributes, name: string): unknown {
  const column = columns[name];
  return column ? own(record, column) ?? undefined : undefined;
}
