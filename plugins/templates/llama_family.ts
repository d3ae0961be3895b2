/**
 * Templates of the Llama, Mistral and Gemma models.
 * @module
 */
import { BOS, EOS, type TemplateSpec } from "./spec.ts";

const HEADER = "<|start_header_id|>assistant<|end_header_id|>\n\n";

const GEMMA = {
  prefix: [BOS],
  system: ["{{content}}\n\n"],
  user: ["<start_of_turn>user\n{{content}}<end_of_turn>\n<start_of_turn>model\n"],
  assistant: ["{{content}}<end_of_turn>\n"],
  tool: ["<start_of_turn>tool\n{{content}}<end_of_turn>\n<start_of_turn>model\n"],
  systemInUser: true,
} as const;

/** Templates of Llama's and related models. */
export const llamaFamily: readonly TemplateSpec[] = [
  {
    name: "llama2",
    description: "Llama 2 chat; bos begins every turn",
    system: ["<<SYS>>\n{{content}}\n<</SYS>>\n\n"],
    user: [BOS, "[INST] {{content}} [/INST]"],
    systemInUser: true,
  },
  {
    name: "llama3",
    description: "Llama 3, 3.1, 3.2 and 3.3 Instruct",
    prefix: [BOS],
    system: ["<|start_header_id|>system<|end_header_id|>\n\n{{content}}<|eot_id|>"],
    user: [`<|start_header_id|>user<|end_header_id|>\n\n{{content}}<|eot_id|>${HEADER}`],
    assistant: ["{{content}}<|eot_id|>"],
    tool: [`<|start_header_id|>ipython<|end_header_id|>\n\n{{content}}<|eot_id|>${HEADER}`],
    tools: "llama3",
    stopWords: ["<|eot_id|>", "<|eom_id|>"],
    endOfText: "<|end_of_text|>",
    replaceEos: true,
  },
  {
    name: "mistral",
    description: "Mistral 7B Instruct v0.3 and others with its tokenizer",
    prefix: [BOS],
    system: ["{{content}}\n\n"],
    user: ["[INST] {{content}}[/INST]"],
    assistant: [" {{content}}", EOS],
    call: ["[TOOL_CALLS] {{content}}", EOS],
    tool: ['[TOOL_RESULTS] {"content": {{content}}}[/TOOL_RESULTS]'],
    tools: "mistral",
    systemInUser: true,
  },
  {
    name: "gemma",
    description: "Gemma, the first generation",
    ...GEMMA,
    stopWords: ["<end_of_turn>"],
    replaceEos: true,
  },
  {
    name: "gemma2",
    description: "Gemma 2",
    ...GEMMA,
    stopWords: ["<eos>", "<end_of_turn>"],
    efficientEos: true,
  },
  {
    name: "gemma3",
    description: "Gemma 3",
    ...GEMMA,
    stopWords: ["<end_of_turn>"],
    replaceEos: true,
  },
];
