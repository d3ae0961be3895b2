/**
 * The model families that come with the project.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import ernie45 from "./ernie4_5.ts";
import exaone4 from "./exaone4.ts";
import gemma from "./gemma.ts";
import gemma2 from "./gemma2.ts";
import gemma3 from "./gemma3.ts";
import glm4 from "./glm4.ts";
import granite from "./granite.ts";
import hunyuan from "./hunyuan.ts";
import llama from "./llama.ts";
import mistral from "./mistral.ts";
import olmo2 from "./olmo2.ts";
import olmo3 from "./olmo3.ts";
import phi3 from "./phi3.ts";
import qwen2 from "./qwen2.ts";
import { qwen25Vl, qwen2Vl } from "./qwen2_vl.ts";
import qwen3 from "./qwen3.ts";
import qwen3Vl from "./qwen3_vl.ts";
import smollm3 from "./smollm3.ts";

/** The model families that come with the project. */
export const models: readonly Plugin<"model">[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  smollm3,
  granite,
  olmo2,
  olmo3,
  exaone4,
  ernie45,
  glm4,
  hunyuan,
  gemma,
  gemma2,
  gemma3,
  phi3,
];
