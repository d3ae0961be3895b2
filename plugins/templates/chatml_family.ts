/**
 * Templates with `<|im_start|>role` headers: ChatML and the models that took it over.
 * @module
 */
import type { TemplateSpec } from "./spec.ts";
import { THOUGHT } from "./spec.ts";

/** Blocks that all of them share. The newline behind the end belongs to the answer and is learnt. */
const CHATML = {
  system: ["<|im_start|>system\n{{content}}<|im_end|>\n"],
  user: ["<|im_start|>user\n{{content}}<|im_end|>\n<|im_start|>assistant\n"],
  assistant: ["{{content}}<|im_end|>\n"],
  stopWords: ["<|im_end|>"],
} as const;

const QWEN = {
  ...CHATML,
  tool: [
    "<|im_start|>user\n<tool_response>\n{{content}}\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
  ],
  tools: "qwen",
  replaceEos: true,
} as const;

/** Templates of models that mark turns as ChatML does. */
export const chatmlFamily: readonly TemplateSpec[] = [
  {
    name: "chatml",
    description: "ChatML without a default system text",
    ...CHATML,
    tool: ["<|im_start|>tool\n{{content}}<|im_end|>\n<|im_start|>assistant\n"],
    stopWords: ["<|im_end|>", "<|im_start|>"],
    replaceEos: true,
    replaceJinja: true,
  },
  {
    name: "qwen",
    description:
      "Qwen2 and Qwen2.5; models and files older than Qwen2.5 want default_system: You are a helpful assistant.",
    ...QWEN,
    defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
  },
  { name: "qwen3", description: "Qwen3, which thinks before it answers", ...QWEN, thought: THOUGHT },
  { name: "qwen3_nothink", description: "Qwen3 without thoughts, such as the 2507 Instruct models", ...QWEN },
  {
    name: "qwen2_vl",
    description: "Qwen2-VL and Qwen2.5-VL on text alone",
    ...QWEN,
    defaultSystem: "You are a helpful assistant.",
  },
  {
    name: "qwen3_vl",
    description: "Qwen3-VL on text alone, which thinks before it answers",
    ...QWEN,
    thought: THOUGHT,
  },
  { name: "qwen3_vl_nothink", description: "Qwen3-VL on text alone, without thoughts", ...QWEN },
  { name: "yi", description: "Yi chat models", ...CHATML },
  {
    name: "smollm2",
    description: "SmolLM2-Instruct",
    ...CHATML,
    defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face.",
  },
  {
    name: "phi4",
    description: "Phi-4",
    system: ["<|im_start|>system<|im_sep|>{{content}}<|im_end|>"],
    user: ["<|im_start|>user<|im_sep|>{{content}}<|im_end|><|im_start|>assistant<|im_sep|>"],
    assistant: ["{{content}}<|im_end|>"],
    stopWords: ["<|im_end|>"],
    replaceEos: true,
  },
];
