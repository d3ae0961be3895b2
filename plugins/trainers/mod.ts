/**
 * The trainers that come with the project.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import local from "./local/local.ts";
import torch from "./torch/torch.ts";

/** The trainers that come with the project. */
export const trainers: readonly Plugin<"trainer">[] = [local, torch];
