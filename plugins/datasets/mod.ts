/**
 * The dataset plugins that come with the project.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import alpaca from "./alpaca.ts";
import iopo from "./iopo.ts";
import openai from "./openai.ts";
import quads from "./quads.ts";
import rows from "./rows.ts";
import sharegpt from "./sharegpt.ts";
import trl from "./trl.ts";

/** All of them, in the order in which they are listed. */
export const datasets: readonly Plugin<"dataset">[] = [alpaca, sharegpt, openai, iopo, quads, trl, rows];
