/**
 * Records as TRL's trainers take them: `{prompt, completion}`, `{messages}`, `{prompt, chosen, rejected}`, `{chosen, rejected}` with the
 * prompt inside, `{prompt, completion, label}`, `{text}`; texts or lists of `{role, content}`. Dialogues of Anthropic's HH in text
 * (`\n\nHuman: … \n\nAssistant: …`) too. TRL, "Dataset formats and types"; Bai et al. 2022, arXiv 2204.05862.
 *
 * Texts are a user's turn and an answer here, because a template stands around them; TRL continues the bare text.
 * @module
 */
import { z } from "zod";

import { parsePyJson } from "../../formats/python_json.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { NO_VARIABLES } from "../kinds/template.ts";
import type { Dataset, DatasetAttributes, Example, Message } from "../kinds/dataset.ts";
import { converting } from "./_converting.ts";
import {
  assistant,
  classLabel,
  extras,
  own,
  pythonJson,
  RecordFault,
  refuseSeveral,
  requiredText,
} from "./_record.ts";
import { isHhDialogue, readHhDialogue } from "./_hh.ts";
import { joinedResults, openaiReader, openaiTags } from "./openai.ts";
import { alternate, finish, readMessage, withSystemTaken } from "./_turns.ts";

const Options = z.strictObject({});

const dataset: Dataset = {
  shapes: ["text", "single", "pair", "kto"],
  defaults: {
    columns: {
      text: "text",
      messages: "messages",
      prompt: "prompt",
      completion: "completion",
      chosen: "chosen",
      rejected: "rejected",
      kto_tag: "label",
      tools: "tools",
      system: null,
      images: "images",
      videos: "videos",
      audios: null,
      chat_template_kwargs: "chat_template_kwargs",
    },
    tags: openaiTags,
  },
  required: (shape): Readonly<Record<string, string>> => {
    if (shape === "text") return { text: "text" };
    if (shape === "pair") return { chosen: "chosen", rejected: "rejected" };
    return shape === "kto" ? { completion: "completion", kto_tag: "label" } : {};
  },
  convert: (record, attributes, source) => converting(record, attributes, source, convert),
};

/** The plugin `trl`; its columns are in the module's text. */
const trlPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "trl",
  version: "2",
  description:
    "TRL's records: prompt and completion, messages, chosen and rejected with or without prompt, label; HH dialogues",
  options: Options,
  create: () => dataset,
});
export default trlPlugin;

function convert(record: Record<string, unknown>, attributes: DatasetAttributes): Omit<Example, "source"> {
  const { columns, shape } = attributes;
  const { system, tools } = extras(record, attributes), variables = variablesOf(record, attributes);
  const value = (name: string) => columns[name] ? own(record, columns[name]) ?? undefined : undefined;
  const field = (name: string) => columns[name] ?? name;
  const made = (turns: Message[], answers: Record<string, Message>, more: Partial<Example> = {}) => {
    const talk = withSystemTaken({ system, tools, turns });
    alternate(talk.turns, field("prompt"));
    if (talk.turns.length % 2 !== 1) {
      throw new RecordFault("prompt does not end with a user's turn", field("prompt"));
    }
    return { shape, system: talk.system, tools, ...variables, prompts: { x: talk.turns }, answers, ...more };
  };
  switch (shape) {
    case "text":
      return {
        shape,
        system,
        tools,
        prompts: {},
        answers: { y: assistant(requiredText(value("text"), "text", field("text"))) },
      };
    case "pair": {
      const { prompt, chosen, rejected } = preference(value, field, attributes);
      return made(prompt, { chosen, rejected });
    }
    case "kto": {
      const desirable = classLabel(record, attributes);
      const prompt = turnsOf(value("prompt"), "user", field("prompt"), attributes);
      return made(
        prompt,
        { y: answerOf(value("completion"), "completion", field("completion"), attributes) },
        { desirable },
      );
    }
    default: {
      if (value("messages") !== undefined && (value("prompt") ?? value("completion")) !== undefined) {
        throw new RecordFault("record has messages beside prompt or completion", field("prompt"));
      }
      const talk = value("messages") !== undefined
        ? turnsOf(value("messages"), "user", field("messages"), attributes)
        : [
          ...turnsOf(value("prompt"), "user", field("prompt"), attributes),
          ...turnsOf(value("completion"), "assistant", field("completion"), attributes),
        ];
      const conversation = withSystemTaken({ system, tools, turns: talk });
      return { ...finish(record, attributes, conversation, openaiReader(attributes)), ...variables };
    }
  }
}

/** Variables of the template for this row; nulls are kept, as Arrow fills in those of other rows and TRL gives them to the template. */
function variablesOf(
  record: Record<string, unknown>,
  { columns }: DatasetAttributes,
): Pick<Example, "variables"> {
  const field = columns.chat_template_kwargs, value = field ? own(record, field) : undefined;
  if (field === null || field === undefined || value === undefined || value === null) return {};
  const text = pythonJson(value, "chat_template_kwargs", field), variables = parsePyJson(text);
  if (!(variables instanceof Map)) throw new RecordFault("chat_template_kwargs is not an object", field);
  const taken = NO_VARIABLES.find((name) => variables.has(name));
  if (taken !== undefined) {
    throw new RecordFault(`chat_template_kwargs has ${taken}, which is no variable`, `${field}.${taken}`);
  }
  return variables.size === 0 ? {} : { variables: text };
}

/** A prompt of its own, or the turns that chosen and rejected share. */
function preference(
  value: (name: string) => unknown,
  field: (name: string) => string,
  attributes: DatasetAttributes,
): { prompt: Message[]; chosen: Message; rejected: Message } {
  const side = (name: string): Message[] => turnsOf(value(name), "assistant", field(name), attributes);
  const chosen = side("chosen"), rejected = side("rejected");
  const asks = (turns: readonly Message[]) => turns[0]?.role === "user" || turns[0]?.role === "system";
  if (!asks(chosen) && !asks(rejected)) {
    const prompt = turnsOf(value("prompt"), "user", field("prompt"), attributes);
    return {
      prompt,
      chosen: onlyAnswer(chosen, "chosen", field),
      rejected: onlyAnswer(rejected, "rejected", field),
    };
  }
  // the last turn is the answer, also where both are the same
  let shared = 0;
  const last = Math.min(chosen.length, rejected.length) - 1;
  while (shared < last && JSON.stringify(chosen[shared]) === JSON.stringify(rejected[shared])) shared++;
  const given = value("prompt");
  if (typeof given === "string" && !chosen.slice(0, shared).some(({ content }) => content === given)) {
    throw new RecordFault("prompt is not among the turns of chosen", field("prompt"));
  }
  if (typeof given === "object" && given !== null) {
    const asked = turnsOf(given, "user", field("prompt"), attributes);
    if (asked.some((turn, i) => JSON.stringify(turn) !== JSON.stringify(chosen[i]))) {
      throw new RecordFault("prompt is not among the turns of chosen", field("prompt"));
    }
  }
  return {
    prompt: chosen.slice(0, shared),
    chosen: onlyAnswer(chosen.slice(shared), "chosen", field),
    rejected: onlyAnswer(rejected.slice(shared), "rejected", field),
  };
}

function onlyAnswer(turns: readonly Message[], name: string, field: (name: string) => string): Message {
  const [answer, ...more] = turns;
  if (answer === undefined || more.length > 0) {
    throw new RecordFault("chosen and rejected differ in more than one last answer", field(name));
  }
  if (answer.role !== "assistant" && answer.role !== "function") {
    throw new RecordFault(`${name} does not end with an assistant's message`, field(name));
  }
  if (answer.learnt === false) throw new RecordFault(`${name} is not to be learnt`, field(name));
  return answer;
}

function answerOf(value: unknown, name: string, field: string, attributes: DatasetAttributes): Message {
  return onlyAnswer(turnsOf(value, "assistant", field, attributes), name, () => field);
}

/** A text as one turn of `role` (or the turns of a dialogue in text), a message or a list of them as they are. */
function turnsOf(
  value: unknown,
  role: Message["role"],
  field: string,
  attributes: DatasetAttributes,
): Message[] {
  const read = openaiReader(attributes);
  if (Array.isArray(value)) {
    if (role === "assistant") refuseSeveral(value, field, field);
    if (value.length === 0) throw new RecordFault("messages are empty", field);
    return joinedResults(
      value.map((message, i) => readMessage(message, attributes, read, `${field}[${i}]`)),
    );
  }
  if (typeof value === "object" && value !== null) return [readMessage(value, attributes, read, field)];
  const content = requiredText(value, field, field);
  return isHhDialogue(content) ? readHhDialogue(content) : [{ role, content }];
}
