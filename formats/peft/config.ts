/**
 * adapter_config.json of a LoRA adapter, as PEFT 0.5 to 0.21 write it.
 * @module
 */
import { shown } from "../message.ts";
import type { TargetFields } from "./target_modules.ts";

/** An adapter's configuration, in our spelling. */
export interface LoraConfig extends TargetFields {
  /** The base model as the adapter names it; null if it doesn't. */
  readonly baseModel: string | null;
  /** Its revision on the hub. */
  readonly revision: string | null;
  /** Rank, >= 1. */
  readonly r: number;
  /** α, > 0; the update is scaled by α/r, with rsLoRA by α/√r. */
  readonly alpha: number;
  /** Share of inputs dropped in training, 0 <= p < 1. */
  readonly dropout: number;
  /** Scale by α/√r. */
  readonly useRslora: boolean;
  /** Weight-decomposed: the rows of the merged weight have trained lengths. */
  readonly useDora: boolean;
  /** Ranks of single modules. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** α of single modules. */
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** Endings of names of modules that are saved as a whole; absent: none. */
  readonly modulesToSave?: readonly string[];
}

/** Fields that are read, or that don't change what the adapter computes once it's trained. */
const HARMLESS = new Set([
  "alpha_pattern",
  "auto_mapping",
  "base_model_name_or_path",
  "ensure_weight_tying",
  "eva_config",
  "exclude_modules",
  "inference_mode",
  "layers_pattern",
  "layers_to_transform",
  "lora_alpha",
  "lora_dropout",
  "megatron_core",
  "peft_type",
  "peft_version",
  "qalora_group_size",
  "r",
  "rank_pattern",
  "revision",
  "runtime_config",
  "target_modules",
  "task_type",
  "use_rslora",
]);

/** Fields of what can be merged into a model, but isn't run beside it (`whole_adapter.ts`). */
export const MERGED_FIELDS: readonly string[] = [
  "bias",
  "modules_to_save",
  "trainable_token_indices",
  "use_dora",
];

/** Values of further fields that mean "off". */
const OFF: Readonly<Record<string, readonly unknown[]>> = {
  bias: ["none"],
  // Others (pissa, olora, corda, loftq, lora_ga) change the base model's weights too.
  init_lora_weights: [true, false, "gaussian", "eva", "orthogonal"],
};

/**
 * Reads the fields of an adapter_config.json.
 * @param path For messages.
 * @param further Fields that the caller reads itself, taken whatever they say.
 * @throws {RangeError} If it isn't LoRA, or asks for something that isn't supported (named).
 * @throws {SyntaxError} If a field is missing or of the wrong type.
 */
export function parseLoraConfig(
  fields: Readonly<Record<string, unknown>>,
  path: string,
  further: readonly string[] = [],
): LoraConfig {
  const refuse = (name: string, why: string) =>
    new RangeError(`Cannot use the adapter ${path}: ${name} is ${shown(fields[name])}; ${why}`);
  if (fields.peft_type !== "LORA") throw refuse("peft_type", "only LORA is supported");
  if (!isNone(fields.task_type) && fields.task_type !== "CAUSAL_LM") {
    throw refuse("task_type", "only CAUSAL_LM is supported");
  }
  for (const [name, value] of Object.entries(fields)) {
    if (HARMLESS.has(name) || further.includes(name) || isNone(value) || OFF[name]?.includes(value)) continue;
    const merger = MERGED_FIELDS.includes(name) ? "by `deno task export`" : "with peft";
    throw refuse(name, `this isn't supported. Merge the adapter ${merger}, or train one without it`);
  }

  const read = <T>(name: string, is: (value: unknown) => boolean, kind: string, otherwise?: T): T => {
    const value = fields[name];
    if ((value === undefined || value === null) && otherwise !== undefined) return otherwise;
    if (!is(value)) {
      throw new SyntaxError(`Cannot read ${path}: ${name} is ${shown(value)}, not ${kind}`);
    }
    return value as T;
  };
  const isRank = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;
  const isAlpha = (value: unknown) => Number.isFinite(value) && (value as number) > 0;
  const isMap = (is: (value: unknown) => boolean) => (value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(is);
  const isNames = (value: unknown) =>
    typeof value === "string" || isList(value, (item) => typeof item === "string");
  const isLayers = (value: unknown) => Number.isSafeInteger(value) || isList(value, Number.isSafeInteger);
  const isText = (value: unknown) => typeof value === "string";
  const isShare = (value: unknown) => typeof value === "number" && value >= 0 && value < 1;
  const isFlag = (value: unknown) => typeof value === "boolean";
  const saved = further.includes("modules_to_save")
    ? read<string | readonly string[]>("modules_to_save", isNames, "a list of names", [])
    : [];
  const optional = <T>(name: string, is: (value: unknown) => boolean, kind: string): T | null =>
    fields[name] === undefined || fields[name] === null ? null : read<T>(name, is, kind);
  return {
    baseModel: optional("base_model_name_or_path", isText, "a text"),
    revision: optional("revision", isText, "a text"),
    targetModules: read("target_modules", isNames, "a list of names, all-linear or a regular expression"),
    excludeModules: optional("exclude_modules", isNames, "a list of names or a regular expression"),
    layersToTransform: optional("layers_to_transform", isLayers, "a layer or a list of them"),
    layersPattern: optional("layers_pattern", isNames, "a name or a list of them"),
    r: read("r", isRank, "a whole number above 0", 8),
    alpha: read("lora_alpha", isAlpha, "a number above 0", 8),
    dropout: read("lora_dropout", isShare, "a number from 0 to below 1", 0),
    useRslora: read("use_rslora", isFlag, "true or false", false),
    useDora: read("use_dora", isFlag, "true or false", false),
    rankPattern: read("rank_pattern", isMap(isRank), "a map of ranks", {}),
    alphaPattern: read("alpha_pattern", isMap(isAlpha), "a map of numbers", {}),
    ...(saved.length > 0 && { modulesToSave: typeof saved === "string" ? [saved] : saved }),
  };
}

/**
 * The fields of an adapter_config.json: those that PEFT has had since 0.9 and vLLM asks for, so that old and new
 * versions read it.
 */
export function loraConfigFields(config: LoraConfig): Record<string, unknown> {
  const list = (value: string | readonly string[]) => typeof value === "string" ? value : value.toSorted();
  return {
    alpha_pattern: config.alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: config.baseModel,
    bias: "none",
    ...(config.excludeModules && { exclude_modules: list(config.excludeModules) }),
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: config.layersPattern ?? null,
    layers_to_transform: config.layersToTransform ?? null,
    loftq_config: {},
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    megatron_config: null,
    megatron_core: "megatron.core",
    modules_to_save: config.modulesToSave?.toSorted() ?? null,
    peft_type: "LORA",
    r: config.r,
    rank_pattern: config.rankPattern,
    revision: config.revision,
    target_modules: list(config.targetModules),
    task_type: "CAUSAL_LM",
    use_dora: config.useDora,
    use_rslora: config.useRslora,
  };
}

/**
 * Name of a field by which an adapter changes more than LoRA beside the layers' products can; null if there is none.
 * @param fields Of an adapter_config.json
 */
export function mergedField(fields: Readonly<Record<string, unknown>>): string | null {
  return MERGED_FIELDS.find((name) => !isNone(fields[name]) && !OFF[name]?.includes(fields[name])) ?? null;
}

/** null, false, and empty lists and objects stand for "not used". */
function isNone(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function isList(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}
