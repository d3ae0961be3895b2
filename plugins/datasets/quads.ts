/**
 * IOPO quadruples in plain words: `{x1, y1, x2, y2}`, each a text or a list of `{role, content}` messages. y1 fits x1 and
 * y2 fits x2. `system` is optional.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { converting } from "./_converting.ts";
import { extras, own, RecordFault, refuseSeveral, requiredText } from "./_record.ts";
import { alternate, readMessage } from "./_turns.ts";
import { joinedResults, openaiReader, openaiTags } from "./openai.ts";
import type { Dataset, DatasetAttributes, Example, Message } from "../kinds/dataset.ts";

const dataset: Dataset = {
  shapes: ["iopo"],
  defaults: {
    columns: { x1: "x1", y1: "y1", x2: "x2", y2: "y2", system: "system", tools: "tools" },
    tags: {},
  },
  required: () => ({ x1: "x1", y1: "y1", x2: "x2", y2: "y2" }),
  convert: (record, attributes, source) => converting(record, attributes, source, convert),
};

const Options = z.strictObject({});

/** The plugin `quads`; its fields are in the module's text. */
const quadsPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "quads",
  version: "2",
  description: "IOPO quadruples {x1, y1, x2, y2}, as texts or lists of messages",
  options: Options,
  create: () => dataset,
});
export default quadsPlugin;

function convert(record: Record<string, unknown>, attributes: DatasetAttributes): Omit<Example, "source"> {
  const { columns, shape } = attributes;
  if (shape !== "iopo") throw new RecordFault(`quadruples don't hold what ${shape} needs`, "");
  const { system, tools } = extras(record, attributes);
  const systems = new Set<string>();
  const prompt = (name: string): Message[] => {
    const field = columns[name] ?? name;
    const turns = messages(own(record, field), "user", { what: name, field }, attributes);
    if (turns[0]?.role === "system") systems.add(turns.shift()!.content);
    alternate(turns, field);
    if (turns.length % 2 !== 1) throw new RecordFault(`${name} does not end with a user's turn`, field);
    return turns;
  };
  const answer = (name: string): Message => {
    const field = columns[name] ?? name;
    refuseSeveral(own(record, field), name, field);
    const [message, ...rest] = messages(own(record, field), "assistant", { what: name, field }, attributes);
    if (!message || rest.length > 0) throw new RecordFault(`${name} is not one answer`, field);
    if (message.learnt === false) throw new RecordFault(`${name} is not to be learnt`, field);
    if (message.role !== "assistant" && message.role !== "function") {
      throw new RecordFault(`${name} is not an assistant's message`, field);
    }
    return message;
  };
  const prompts = { x1: prompt("x1"), x2: prompt("x2") };
  const answers = { y1: answer("y1"), y2: answer("y2") };
  if (systems.size > 1) throw new RecordFault("x1 and x2 have different system texts", columns.x2 ?? "x2");
  return { shape, system: [...systems][0] ?? system, tools, prompts, answers };
}

/** Of messages the reader is that of the format `openai`, so that thoughts and tool calls are learnt here too. */
function messages(
  value: unknown,
  role: Message["role"],
  { what, field }: { what: string; field: string },
  attributes: DatasetAttributes,
): Message[] {
  const named = { ...attributes, tags: openaiTags };
  const message = (each: unknown, place: string) => readMessage(each, named, openaiReader(named), place);
  if (Array.isArray(value)) {
    return joinedResults(value.map((each, i) => message(each, `${field}[${i}]`)));
  }
  if (typeof value === "object" && value !== null) return [message(value, field)];
  return [{ role, content: requiredText(value, what, field) }];
}
