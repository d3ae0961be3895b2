/**
 * The model families that come with the project.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import llama from "./llama.ts";
import mistral from "./mistral.ts";
import qwen2 from "./qwen2.ts";
import qwen3 from "./qwen3.ts";

/** The model families that come with the project. */
export const models: readonly Plugin<"model">[] = [llama, mistral, qwen2, qwen3];
