/**
 * Alpaca records: `{instruction, input, output}` with optional system text and history; ranking, kto and plain text too.
 *
 * A prompt is the instruction and the input, joined by a line break; either may be absent. LLaMA-Factory: `AlpacaDatasetConverter`.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { converting } from "./_converting.ts";
import {
  assistant,
  extras,
  ktoTag,
  optionalText,
  own,
  RecordFault,
  refuseSeveral,
  requiredText,
} from "./_record.ts";
import type { Dataset, DatasetAttributes, Example, ExampleShape, Message } from "../kinds/dataset.ts";

const required: Partial<Record<ExampleShape, Record<string, string>>> = {
  text: { prompt: "instruction" },
  single: { prompt: "instruction", response: "output" },
  pair: { prompt: "instruction", chosen: "chosen", rejected: "rejected" },
  kto: { prompt: "instruction", response: "output", kto_tag: "kto_tag" },
};

const dataset: Dataset = {
  shapes: ["text", "single", "pair", "kto"],
  defaults: {
    columns: {
      prompt: "instruction",
      query: "input",
      response: "output",
      history: null,
      system: null,
      tools: null,
      images: null,
      videos: null,
      audios: null,
      chosen: null,
      rejected: null,
      kto_tag: null,
    },
    tags: {},
  },
  required: (shape) => required[shape] ?? {},
  convert: (record, attributes, source) => converting(record, attributes, source, convert),
};

const Options = z.strictObject({});

/** The plugin `alpaca`; its columns are in the module's text. */
const alpacaPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "alpaca",
  version: "1",
  description: "Records {instruction, input, output}, with history and system; ranking, kto and plain text",
  options: Options,
  create: () => dataset,
});
export default alpacaPlugin;

function convert(record: Record<string, unknown>, attributes: DatasetAttributes): Omit<Example, "source"> {
  const { columns, shape } = attributes;
  const { system, tools } = extras(record, attributes);
  const field = (name: string) => columns[name] ?? name;
  const value = (name: string) => columns[name] ? own(record, columns[name]) : undefined;
  const answer = (name: string) => {
    refuseSeveral(value(name), name, field(name));
    return assistant(requiredText(value(name), name, field(name)));
  };
  const prompt = promptText(value("prompt"), value("query"), field("prompt"), field("query"));
  if (shape === "text") return { shape, system, tools, prompts: {}, answers: { y: assistant(prompt) } };
  const x: Message[] = [...history(value("history"), field("history")), { role: "user", content: prompt }];
  const prompts = { x };
  switch (shape) {
    case "single":
      return { shape, system, tools, prompts, answers: { y: answer("response") } };
    case "pair":
      return {
        shape,
        system,
        tools,
        prompts,
        answers: { chosen: answer("chosen"), rejected: answer("rejected") },
      };
    case "kto": {
      const desirable = ktoTag(record, attributes);
      return { shape, system, tools, prompts, answers: { y: answer("response") }, desirable };
    }
    default:
      throw new RecordFault(`alpaca records don't hold what ${shape} needs`, "");
  }
}

function promptText(prompt: unknown, query: unknown, promptField: string, queryField: string): string {
  const first = optionalText(prompt, "prompt", promptField);
  const second = optionalText(query, "query", queryField);
  if ((prompt ?? null) === null && second === "") throw new RecordFault("prompt is missing", promptField);
  return [first, second].filter((part) => part !== "").join("\n");
}

function history(value: unknown, field: string): Message[] {
  if (value === undefined || value === null || value === "") return [];
  if (!Array.isArray(value)) throw new RecordFault("history is not a list", field);
  return value.flatMap((turn, i) => {
    if (!Array.isArray(turn) || turn.length !== 2) {
      throw new RecordFault("history is not a list of [prompt, answer]", `${field}[${i}]`);
    }
    return [
      { role: "user" as const, content: requiredText(turn[0], "history", `${field}[${i}][0]`) },
      assistant(requiredText(turn[1], "history", `${field}[${i}][1]`)),
    ];
  });
}
