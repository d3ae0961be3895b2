/**
 * Datasets: a dataset plugin turns one raw record of a file into prompts and answers by name.
 * @module
 */
import type { Constraint } from "./judgement.ts";

/** One message of a conversation. `tool` is the result of a call (LLaMA-Factory: observation), `function` the call itself. */
export interface Message {
  /** Who says it. */
  role: "system" | "user" | "assistant" | "tool" | "function";
  /** The text. Of a `function`: its calls as JSON text, `{name, arguments}` or a list of them. */
  content: string;
  /** Of a `function`: words in front of the calls. */
  said?: string;
  /** Of an answer or a `function`: what was thought before it, without tags (`reasoning_content`). */
  thought?: string;
  /** Further fields of the record's message as a JSON object, for models' own templates (`tool_calls`, `tool_call_id`, `name`). */
  fields?: string;
  /** Of a `tool`: the results of several calls in a row, which the content holds as one text. */
  results?: readonly Message[];
  /**
   * False: a turn that is shown but not learnt (`weight: 0` and the like). True: a prompt's turn that is marked to be learnt, which
   * `train_on_prompt` alone does. Absent: as the run learns such turns.
   */
  learnt?: boolean;
}

/** Where a record came from, for error messages. `row` counts from 0. */
export interface Source {
  /** Path of the file. */
  file: string;
  /** Row in the file, from 0. */
  row: number;
}

/** One usable record. Which prompts and answers there are depends on the shape, see {@linkcode ExampleShape}. */
export interface Example {
  /** Where it came from. */
  source: Source;
  /** Shape of its prompts and answers. */
  shape: ExampleShape;
  /** System text, "" when the record has none (the template's default then applies). */
  system: string;
  /** Tool definitions as JSON text, "" when none. */
  tools: string;
  /** Variables of the template for this row as a JSON object (TRL: `chat_template_kwargs`); absent for none. */
  variables?: string;
  /** Conversations that end with a user (or tool) turn; earlier assistant turns included. */
  prompts: Record<string, Message[]>;
  /** Last assistant turns. */
  answers: Record<string, Message>;
  /** `kto`: whether the answer is desirable. */
  desirable?: boolean;
  /** `prompt`: what its answers are judged by. */
  task?: PromptTask;
}

/** What answers to a prompt are judged by: what a benchmark's item has beside its messages. */
export interface PromptTask {
  /** As the row has it; "": it has none. */
  id: string;
  /** In order, each with its groups. */
  constraints: (Constraint & { groups: Record<string, string> })[];
  /** Groups of the whole row. */
  groups: Record<string, string>;
  /** Further texts of the row for judges, such as a `reference`. */
  fields: Record<string, string>;
}

/**
 * - `text`: answers {y}, no prompt (stage pt)
 * - `single`: prompts {x}, answers {y} (sft)
 * - `pair`: prompts {x}, answers {chosen, rejected}
 * - `kto`: prompts {x}, answers {y}, desirable
 * - `iopo`: prompts {x1, x2}, answers {y1, y2}; y1 fits x1, y2 fits x2
 * - `prompt`: prompts {x}, answers {y}, whose text is "" as the policy draws them, task (grpo)
 */
export type ExampleShape = "text" | "single" | "pair" | "kto" | "iopo" | "prompt";

/** A record that cannot be used, with the reason that is counted, and the field at fault. */
export interface Dropped {
  /** Where it came from. */
  source: Source;
  /** Short and the same for all records with this fault, such as "answer is empty". */
  reason: string;
  /** Dotted path in the record, such as "conversations[1].value". */
  field: string;
}

/** Entry of dataset_info.json for one set, defaults merged in (LLaMA-Factory's names). */
export interface DatasetAttributes {
  /** Key in dataset_info.json. */
  name: string;
  /** True if rows hold a better and a worse answer. */
  ranking: boolean;
  /** Shape that the loss asks for, one of the plugin's {@linkcode Dataset.shapes}. */
  shape: ExampleShape;
  /** Column of each role, null: not used. */
  columns: Record<string, string | null>;
  /** Names of roles and fields in a conversation. */
  tags: Record<string, string>;
}

/** The product of a dataset plugin. Pure: no files, no tokenizer. */
export interface Dataset {
  /** Shapes of example that its records can give. */
  readonly shapes: readonly ExampleShape[];
  /**
   * Columns and tags where dataset_info.json names none; its keys are the only ones that may be named there, so what an entry may call
   * otherwise stands here even where {@linkcode Dataset.required} names it too.
   */
  readonly defaults: {
    readonly columns: Readonly<Record<string, string | null>>;
    readonly tags: Readonly<Record<string, string>>;
  };
  /** Columns without which no record could give this shape, each with the name it has by default. */
  required(shape: ExampleShape): Readonly<Record<string, string>>;
  /** Turns a raw record into an example, or says why it can't. Never throws on bad data. */
  convert(record: unknown, attributes: DatasetAttributes, source: Source): Example | Dropped;
}
