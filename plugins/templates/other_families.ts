/**
 * Templates of DeepSeek, GLM-4, Phi-3, Granite 3, OLMo 2, Hunyuan, ERNIE 4.5 and others with tokens of their own, and templates in plain words.
 * @module
 */
import { BOS, EOS, type TemplateSpec, THOUGHT } from "./spec.ts";

const DEEPSEEK3 = {
  prefix: [BOS],
  user: ["<｜User｜>{{content}}<｜Assistant｜>"],
} as const;

const granite = (role: string) => `<|start_of_role|>${role}<|end_of_role|>`;

/** Templates of families with marks of their own. */
export const otherFamilies: readonly TemplateSpec[] = [
  {
    name: "deepseek",
    description: "DeepSeek LLM and DeepSeek-V2 chat",
    prefix: [BOS],
    system: ["{{content}}\n\n"],
    user: ["User: {{content}}\n\nAssistant:"],
  },
  { name: "deepseek3", description: "DeepSeek-V3", ...DEEPSEEK3 },
  { name: "deepseekr1", description: "DeepSeek-R1 and its distillations", ...DEEPSEEK3, thought: THOUGHT },
  {
    name: "glm4",
    description: "GLM-4",
    prefix: ["[gMASK]<sop>"],
    system: ["<|system|>\n{{content}}"],
    user: ["<|user|>\n{{content}}<|assistant|>"],
    assistant: ["\n{{content}}"],
    call: ["{{content}}"],
    tool: ["<|observation|>\n{{content}}<|assistant|>"],
    tools: "glm4",
    stopWords: ["<|user|>", "<|observation|>"],
    efficientEos: true,
  },
  {
    name: "phi",
    description: "Phi-3 and Phi-3.5",
    system: ["<|system|>\n{{content}}<|end|>\n"],
    user: ["<|user|>\n{{content}}<|end|>\n<|assistant|>\n"],
    assistant: ["{{content}}<|end|>\n"],
    stopWords: ["<|end|>"],
    replaceEos: true,
  },
  {
    name: "phi_small",
    description: "Phi-3-small",
    system: ["<|system|>\n{{content}}<|end|>\n"],
    user: ["<|user|>\n{{content}}<|end|>\n<|assistant|>\n"],
    assistant: ["{{content}}<|end|>\n"],
    stopWords: ["<|end|>"],
    replaceEos: true,
  },
  {
    name: "phi4_mini",
    description: "Phi-4-mini",
    system: ["<|system|>{{content}}<|end|>"],
    user: ["<|user|>{{content}}<|end|><|assistant|>"],
    assistant: ["{{content}}<|end|>"],
    aroundTools: ["<|tool|>", "<|/tool|>"],
    stopWords: ["<|end|>"],
    replaceEos: true,
  },
  {
    name: "granite3",
    description: "Granite 3",
    system: [`${granite("system")}{{content}}<|end_of_text|>\n`],
    user: [`${granite("user")}{{content}}<|end_of_text|>\n${granite("assistant")}`],
    assistant: ["{{content}}<|end_of_text|>\n"],
  },
  {
    name: "olmo",
    description: "OLMo 2",
    prefix: [EOS],
    user: ["<|user|>\n{{content}}<|assistant|>\n"],
  },
  {
    name: "hunyuan",
    description: "Hunyuan, dense: 0.5B to 7B",
    prefix: ["<|startoftext|>"],
    system: ["{{content}}<|extra_4|>"],
    user: ["{{content}}<|extra_0|>"],
    assistant: ["{{content}}<|eos|>"],
    stopWords: ["<|eos|>"],
  },
  {
    name: "hunyuan_small",
    description: "Hunyuan-MT 1.5, 1.8B",
    prefix: ["<｜hy_begin▁of▁sentence｜>"],
    system: ["{{content}}<｜hy_place▁holder▁no▁3｜>"],
    user: ["<｜hy_User｜>{{content}}<｜hy_place▁holder▁no▁8｜>"],
    assistant: ["{{content}}<｜hy_place▁holder▁no▁2｜>"],
    stopWords: ["<｜hy_place▁holder▁no▁2｜>"],
  },
  {
    name: "ernie_nothink",
    description: "ERNIE 4.5 without thoughts, such as 0.3B",
    prefix: ["<|begin_of_sentence|>"],
    system: ["{{content}}\n"],
    user: ["User: {{content}}\nAssistant: "],
    assistant: ["{{content}}<|end_of_sentence|>"],
    stopWords: ["<|end_of_sentence|>"],
  },
  {
    name: "zephyr",
    description: "Zephyr",
    system: ["<|system|>\n{{content}}", EOS],
    user: ["<|user|>\n{{content}}", EOS, "<|assistant|>\n"],
    defaultSystem: "You are Zephyr, a helpful assistant.",
  },
  {
    name: "default",
    description: "Human and Assistant in plain words, for base models",
    system: ["System: {{content}}", EOS, "\n"],
    user: ["Human: {{content}}", EOS, "\nAssistant:"],
    assistant: ["{{content}}", EOS, "\n"],
    replaceJinja: true,
  },
  { name: "empty", description: "Nothing around a message, no end of text", assistant: ["{{content}}"] },
  {
    name: "alpaca",
    description: "Stanford Alpaca's Instruction and Response",
    user: ["### Instruction:\n{{content}}\n\n### Response:\n"],
    assistant: ["{{content}}", EOS, "\n\n"],
    defaultSystem:
      "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n",
    replaceJinja: true,
  },
  {
    name: "vicuna",
    description: "Vicuna's USER and ASSISTANT",
    user: ["USER: {{content}} ASSISTANT:"],
    defaultSystem:
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite " +
      "answers to the user's questions.",
    replaceJinja: true,
  },
  {
    name: "falcon",
    description: "Falcon's User and Falcon",
    user: ["User: {{content}}\nFalcon:"],
    assistant: ["{{content}}\n"],
    efficientEos: true,
  },
  {
    name: "fewshot",
    description: "Messages with an empty line between, for examples in a prompt",
    assistant: ["{{content}}\n\n"],
    efficientEos: true,
    replaceJinja: true,
  },
];
