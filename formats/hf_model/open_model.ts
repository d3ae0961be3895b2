/**
 * Opens a model: a Hugging Face directory, a GGUF file, or an id on the hub.
 * @module
 */
import { join } from "@std/path";

import { item } from "../elements.ts";
import { ggufConfig, GgufFile } from "../gguf/mod.ts";
import { type GptqFormat, gptqFormat } from "../gptq/mod.ts";
import type { ResolveOptions } from "../hub/mod.ts";
// not its mod.ts: an engine's Worker needs no readers of data sets
import { resolveModel } from "../hub/resolve.ts";
import { shortened, shown } from "../message.ts";
import { ggufEndIds, loadTokenizerSync, type Tokenizer, tokenizerFromGguf } from "../tokenizer/mod.ts";
import { ggufWeights } from "./gguf_weights.ts";
import { openGptqWeights } from "./gptq_weights.ts";
import { hubIdOfFolder, hubIdOfGguf, isHubId } from "./hub_id.ts";
import { readJsonFile } from "./json.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { openSafetensorsWeights } from "./safetensors_weights.ts";
import { isTied, seesToo, textWeights } from "./text_part.ts";
import type { WeightSource } from "./weights.ts";

/** As {@linkcode ResolveOptions}, which only a hub id needs. */
export interface OpenModelOptions extends ResolveOptions {
  /** Weights aren't asked for: a directory may lack them, and its `weights` have no tensors. */
  weightless?: boolean;
}

/**
 * Opens a model: reads its configuration and the headers of its weights, and checks them. No tensor is read yet.
 * @param nameOrPath A directory with config.json and safetensors, a `.gguf` file, or a hub id such as `Qwen/Qwen2.5-0.5B`.
 * @throws {RangeError} If something is missing or isn't supported; named.
 * @throws {SyntaxError} If a file is damaged.
 */
export async function openModel(nameOrPath: string, options: OpenModelOptions = {}): Promise<LoadedModel> {
  const path = await resolveModel(nameOrPath, options);
  const { isFile, isDirectory } = Deno.statSync(path);
  if (!isFile && !isDirectory) {
    throw new RangeError(
      `Cannot open ${path} as a model: it is a device. Name its directory, or a .gguf file`,
    );
  }
  return isFile ? openGguf(nameOrPath, path) : openDirectory(nameOrPath, path, options.weightless ?? false);
}

function openGguf(nameOrPath: string, path: string): LoadedModel {
  if (!path.endsWith(".gguf")) {
    const more = /\.ya?ml$/.test(path)
      ? " (chat and serve take what a YAML file has as model_name_or_path, and its adapter_name_or_path behind --adapter)"
      : "";
    throw new RangeError(`Cannot open ${path} as a model: name its directory, or a .gguf file${more}`);
  }
  const file = new GgufFile(path);
  try {
    const config = ggufConfig(file);
    const weights = ggufWeights(file, config);
    const { metadata } = file;
    return withTokenizer({
      nameOrPath,
      path,
      format: "gguf",
      metadata,
      config,
      configFile: path,
      hubId: hubIdOfGguf(metadata),
      generationConfig: ggufGeneration(config, metadata),
      weights,
      beside: null,
    }, () => tokenizerFromGguf(metadata, path));
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Ends of a file's keys, and those that llama.cpp knows by their text: files of chat models often name the end of a text alone. */
function ggufGeneration(
  config: Readonly<Record<string, unknown>>,
  metadata: GgufFile["metadata"],
): Record<string, unknown> {
  const named: unknown[] = [config.eos_token_id ?? []].flat();
  const ends = [...new Set([...named, ...ggufEndIds(metadata)])];
  return ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends };
}

function openDirectory(nameOrPath: string, path: string, weightless: boolean): LoadedModel {
  const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  if (!names.includes("config.json")) {
    const gguf = names.filter((name) => name.endsWith(".gguf"));
    throw new RangeError(
      `Cannot open ${path} as a model: it has no config.json${
        names.includes("adapter_config.json")
          ? `. It is a LoRA adapter: name it as adapter_name_or_path (chat and serve: --adapter, endpoint local: adapter), and its base model${
            baseOfAdapter(path)
          } here`
          : gguf.length
          ? `. Did you mean ${join(path, item(gguf, 0))}?`
          : ": name a folder in the Hugging Face layout, a .gguf file, or a model on the hub (owner/name)"
      }`,
    );
  }
  const configFile = join(path, "config.json");
  const config = readJsonFile(configFile);
  const quantised = quantisationOf(config, path, names);
  const generationConfig = names.includes("generation_config.json")
    ? readJsonFile(join(path, "generation_config.json"))
    : {};
  const sees = seesToo(config), tied = isTied(config);
  const stored = weightless
    ? NO_WEIGHTS
    : quantised === null
    ? openSafetensorsWeights(path, tied && !sees)
    : openGptqWeights(path, tied && !sees, quantised);
  const { weights, beside } = sees && !weightless
    ? textPart(stored, tied, path)
    : { weights: stored, beside: null };
  return withTokenizer({
    nameOrPath,
    path,
    format: "safetensors",
    metadata: null,
    config,
    configFile,
    hubId: path !== nameOrPath && isHubId(nameOrPath) ? nameOrPath : hubIdOfFolder(path),
    generationConfig,
    weights,
    beside,
  }, () => loadTokenizerSync(path));
}

const none = (name: string) => {
  throw new RangeError(`Cannot read the tensor ${name}: this model was opened without weights`);
};

const NO_WEIGHTS: WeightSource = {
  names: () => [],
  shape: () => null,
  read: none,
  pieces: none,
  rows: none,
  packedForm: () => null,
  packed: () => null,
  hash: () => "no weights",
  close: () => {},
};

/** The model that an adapter says it was trained on, for a hint; "" where it doesn't say so. */
function baseOfAdapter(folder: string): string {
  try {
    const { base_model_name_or_path: base } = readJsonFile(join(folder, "adapter_config.json"));
    return typeof base === "string" && base !== "" ? ` ${shortened(base)}` : "";
  } catch {
    return "";
  }
}

function textPart(stored: WeightSource, tied: boolean, path: string) {
  try {
    return textWeights(stored, tied, path);
  } catch (error) {
    stored.close();
    throw error;
  }
}

/** Takes the weights' quantisation out of a config: whoever reads them gets their values. Null: there is none. */
function quantisationOf(
  config: Record<string, unknown>,
  path: string,
  names: readonly string[],
): GptqFormat | null {
  const { quantization_config: own } = config;
  delete config.quantization_config;
  if (own !== undefined && own !== null) return gptqFormat(methodOf(own, path), path);
  // AutoGPTQ's older folders
  if (!names.includes("quantize_config.json")) return null;
  const file = join(path, "quantize_config.json");
  return gptqFormat(readJsonFile(file), file);
}

/** Settings that name a method, without which nobody knows the form of the weights: transformers refuses them, too. */
function methodOf(settings: unknown, path: string): Record<string, unknown> {
  if (isRecord(settings) && !Array.isArray(settings) && (settings["quant_method"] ?? null) !== null) {
    return settings;
  }
  throw new RangeError(
    `Cannot open ${path} as a model as the quantization_config of its config.json must be an object with quant_method: ` +
      `current value is ${shown(settings, 200)}. Take it out if the weights aren't quantised`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function withTokenizer(model: Omit<LoadedModel, "tokenizer">, load: () => Tokenizer): LoadedModel {
  let tokenizer: Tokenizer | undefined;
  return {
    ...model,
    get tokenizer() {
      try {
        return tokenizer ??= load();
      } catch (error) {
        if (error instanceof Error && !error.message.includes(model.path)) {
          error.message = `${model.path}: ${error.message}`;
        }
        throw error;
      }
    },
  };
}
