/** Configurations of the goldens, read by their families, for the tests of these. */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import llama from "./llama.ts";
import mistral from "./mistral.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import qwen2 from "./qwen2.ts";
import qwen3 from "./qwen3.ts";
import hunyuan from "./hunyuan.ts";
import glm4 from "./glm4.ts";
import granite from "./granite.ts";
import gemma from "./gemma.ts";
import gemma2 from "./gemma2.ts";
import ernie45 from "./ernie4_5.ts";
import exaone4 from "./exaone4.ts";
import olmo2 from "./olmo2.ts";
import phi3 from "./phi3.ts";
import smollm3 from "./smollm3.ts";
import { Registry } from "../registry.ts";

/** A config.json. */
export type Config = Record<string, unknown>;

/** A file or folder of the goldens. */
export const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);
/** The config.json of a tiny golden. */
export const configOf = (name: string): Config =>
  JSON.parse(Deno.readTextFileSync(golden(`tiny/${name}/model/config.json`)));

const models = new Registry([
  llama,
  mistral,
  qwen2,
  qwen3,
  smollm3,
  granite,
  olmo2,
  exaone4,
  ernie45,
  glm4,
  hunyuan,
  gemma,
  gemma2,
  phi3,
]);
/** Families of the goldens by the golden's name. */
export const parsers = {
  llama: models.create("model", "llama"),
  llama3: models.create("model", "llama"),
  mistral: models.create("model", "mistral"),
  qwen2: models.create("model", "qwen2"),
  qwen3: models.create("model", "qwen3"),
  smollm3: models.create("model", "smollm3"),
  granite: models.create("model", "granite"),
  olmo2: models.create("model", "olmo2"),
  exaone4: models.create("model", "exaone4"),
  glm4: models.create("model", "glm4"),
  ernie45: models.create("model", "ernie4_5"),
  hunyuan: models.create("model", "hunyuan_v1_dense"),
  gemma: models.create("model", "gemma"),
  gemma2: models.create("model", "gemma2"),
  phi3: models.create("model", "phi3"),
  phi4mini: models.create("model", "phi3"),
};

/** What a golden's family reads from its config.json with some fields changed, or left out where undefined. */
export function parseGolden(name: keyof typeof parsers, change: Config = {}): DecoderConfig {
  const config: Config = { ...configOf(name), ...change };
  for (const [key, value] of Object.entries(change)) if (value === undefined) delete config[key];
  return parsers[name].parse(config);
}

/** Frequencies that agree to 1e-13 of each. */
export function assertFrequencies(actual: Float64Array, expected: ArrayLike<number>): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((value, i) =>
    assertAlmostEquals(value, expected[i]!, 1e-13 * expected[i]!, `frequency ${i}`)
  );
}
