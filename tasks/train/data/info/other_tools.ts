/**
 * Rows of other tools that no format here reads by itself: whose they are, and the entry or the change that makes them readable.
 * @module
 */
import type { ExampleShape } from "../../../../plugins/kinds/dataset.ts";

/** Usual names of an alpaca record's columns beside its own. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  prompt: ["instruction", "query", "question", "prompt", "input", "problem"],
  response: ["output", "response", "answer", "completion", "solution"],
  chosen: ["chosen"],
  rejected: ["rejected", "rejected_response"],
  kto_tag: ["kto_tag", "label"],
  query: ["context"],
  history: ["history"],
  system: ["system", "system_prompt"],
};
const NEEDED: Partial<Record<ExampleShape, readonly string[]>> = {
  single: ["prompt", "response"],
  pair: ["prompt", "chosen", "rejected"],
  kto: ["prompt", "response", "kto_tag"],
};

/**
 * Help for a file with these fields, as sentences for the end of an error; "" where none is known.
 * @param shape Shape of the loss's examples
 */
export function otherToolsHint(fields: readonly string[], shape: ExampleShape): string {
  const has = (...names: string[]) => names.every((name) => fields.includes(name));
  if (has("segments")) {
    return "segments (axolotl's input_output) are texts around which no template stands, which isn't read: write messages " +
      'with "train": false on turns that aren\'t learnt, or whole texts for stage pt';
  }
  if (fields.includes("messages") && (has("rejected_response") || has("rejected_messages"))) {
    return "These are ms-swift's preference rows: take the last answer out of messages and write it as " +
      '"chosen": {"role": "assistant", "content": …}, the worse one as "rejected" in the same way';
  }
  if (has("preferred_output", "non_preferred_output")) {
    return "These are OpenAI's preference rows: write input's messages as messages, and the first message of preferred_output and of " +
      "non_preferred_output as chosen and rejected";
  }
  const columns = alpacaColumns(fields, shape);
  if (columns === null) return talkHint(fields, shape);
  const whose = has("query", "response") ? "These are ms-swift's fields: write" : "Write";
  const ranking = shape === "pair" ? '"ranking": true, ' : "";
  const list = Object.entries(columns).map(([name, column]) => `"${name}": "${column}"`).join(", ");
  return `${whose} "formatting": "alpaca", ${ranking}"columns": {${list}} into its entry of dataset_info.json`;
}

/** The entry for a file of conversations, or of answers that hold their prompt. */
function talkHint(fields: readonly string[], shape: ExampleShape): string {
  const column = ["messages", "conversations", "conversation"].find((name) => fields.includes(name));
  const hasAnswers = fields.includes("chosen") && fields.includes("rejected");
  const ranking = shape === "pair" ? ', "ranking": true' : "";
  const into = "into its entry of dataset_info.json";
  if (column !== undefined && (shape !== "pair" || hasAnswers)) {
    const format = column === "messages" ? "openai" : "sharegpt";
    const label = shape === "kto" && fields.includes("label") ? ', "kto_tag": "label"' : "";
    return `Write "formatting": "${format}"${ranking}, "columns": {"messages": "${column}"${label}} ${into}`;
  }
  return hasAnswers && shape === "pair" ? `Write "formatting": "trl"${ranking} ${into}` : "";
}

function alpacaColumns(fields: readonly string[], shape: ExampleShape): Record<string, string> | null {
  const needed = NEEDED[shape];
  if (needed === undefined) return null;
  const columns: Record<string, string> = {};
  for (const name of [...needed, "query", "history", "system"]) {
    const free = USUAL[name]?.find((field) =>
      fields.includes(field) && !Object.values(columns).includes(field)
    );
    // ms-swift's better answer is its response
    const column = free ??
      (name === "chosen" ? USUAL["response"]?.find((f) => fields.includes(f)) : undefined);
    if (column !== undefined) columns[name] = column;
    else if (needed.includes(name)) return null;
  }
  return columns["prompt"] === "instruction" && fields.includes("input")
    ? { ...columns, query: "input" }
    : columns;
}
