/**
 * Known models that aren't supported: what each has that isn't computed here, and which models of its maker are supported. Whoever opens one is
 * told so, where a name that is merely spelt alike would mislead.
 * @module
 */

/** Models of a kind. */
interface UnsupportedFamily {
  /** `model_type` of their config.json. */
  readonly types: readonly string[];
  /** Their architectures in llama.cpp. */
  readonly architectures?: readonly string[];
  /** The models, and what they have that isn't computed here. */
  readonly is: string;
  /** Near ones that are supported. */
  readonly instead?: string;
}

const MEAN = "norms subtract the mean (LayerNorm)", UNGATED = "MLP has no gate";
const AT_ONCE = "blocks add attention and MLP at once";
const GOOGLE = "of Google's models gemma, gemma2 and gemma3_text (270m and 1b) are supported";
const MICROSOFT = "of Microsoft's models phi3 is supported";
const MICROSOFT_TEXT = "of Microsoft's models phi3, of text alone, is supported";
const QWEN =
  "of Qwen's models qwen2, qwen3 and, by their language part, qwen2_vl, qwen2_5_vl and qwen3_vl are supported";
const MISTRAL = "of Mistral's models mistral, of text alone, is supported";
const META = "of Meta's models llama, of text alone, is supported";
const AI2 = "of Ai2's models olmo2 and olmo3 are supported";
const IBM = "of IBM's models granite is supported";
const LG = "of LG's models exaone4 is supported";
const SMOL = "of Hugging Face's models SmolLM2 (llama) and smollm3, of text alone, are supported";
const DISTILLED = "models distilled from DeepSeek-R1 are qwen2 or llama, which are supported";

const FAMILIES: readonly UnsupportedFamily[] = [
  {
    types: ["gemma3"],
    is: "a Gemma 3 that sees, too (4b and larger)",
    instead: "supported are its models of text alone, gemma3_text (270m and 1b)",
  },
  {
    types: ["gemma3n"],
    architectures: ["gemma3n"],
    is: "a Gemma 3n, whose layers have embeddings of their own and several streams between them",
    instead: GOOGLE,
  },
  {
    types: ["phi"],
    architectures: ["phi2"],
    is: "a model before Phi-3, whose blocks add attention and MLP at once",
    instead: MICROSOFT,
  },
  { types: ["phimoe"], architectures: ["phimoe"], is: "a mixture of experts", instead: MICROSOFT },
  { types: ["phi3small"], is: "a Phi-3-small, whose attention is sparse by blocks", instead: MICROSOFT },
  { types: ["phi3_v"], is: "a Phi-3 that sees", instead: MICROSOFT_TEXT },
  { types: ["phi4mm", "phi4_multimodal"], is: "a Phi-4 that sees and hears", instead: MICROSOFT_TEXT },
  {
    types: ["qwen2_moe", "qwen3_moe", "qwen3_vl_moe"],
    architectures: ["qwen2moe", "qwen3moe", "qwen3vlmoe"],
    is: "a mixture of experts",
    instead: QWEN,
  },
  {
    types: ["qwen3_next"],
    architectures: ["qwen3next"],
    is: "a Qwen3-Next, a mixture of experts with linear attention",
    instead: QWEN,
  },
  // llama.cpp's name of Mixtral is llama, with experts.
  { types: ["mixtral"], is: "a mixture of experts", instead: MISTRAL },
  { types: ["mistral3"], is: "a Mistral that sees, too", instead: MISTRAL },
  { types: ["mllama"], is: "a Llama 3.2 that sees (11b and 90b)", instead: META },
  {
    types: ["llama4"],
    architectures: ["llama4"],
    is: "a Llama 4, a mixture of experts that sees",
    instead: META,
  },
  { types: ["llava", "llava_next", "llava_onevision"], is: "a LLaVA, which sees", instead: QWEN },
  { types: ["smolvlm", "idefics3"], is: "a SmolVLM or Idefics, which sees", instead: SMOL },
  {
    types: ["deepseek_v2", "deepseek_v3"],
    architectures: ["deepseek2"],
    is:
      "a DeepSeek, a mixture of experts whose keys and values are made of one narrow row (multi-head latent attention)",
    instead: DISTILLED,
  },
  {
    types: ["gpt_oss"],
    architectures: ["gpt-oss"],
    is: "a mixture of experts with attention sinks",
  },
  { types: ["olmo"], architectures: ["olmo"], is: `a first OLMo, whose ${MEAN}`, instead: AI2 },
  { types: ["olmoe"], architectures: ["olmoe"], is: "a mixture of experts", instead: AI2 },
  {
    types: ["granitemoe", "granitemoehybrid"],
    architectures: ["granitemoe", "granitehybrid"],
    is: "a Granite of the classes that have experts, or layers without attention",
    instead: IBM,
  },
  {
    types: ["falcon"],
    architectures: ["falcon"],
    is: `a Falcon before Falcon 3, whose ${MEAN} and whose ${UNGATED}`,
    instead: "Falcon 3 is llama, which is supported",
  },
  {
    types: ["gpt2"],
    architectures: ["gpt2"],
    is: `a GPT-2, whose positions are learnt, whose ${MEAN} and whose ${UNGATED}`,
  },
  {
    types: ["gpt_neox"],
    architectures: ["gptneox"],
    is: `a GPT-NeoX or Pythia, whose ${MEAN}, whose ${UNGATED} and whose ${AT_ONCE}`,
  },
  { types: ["stablelm"], architectures: ["stablelm"], is: `a StableLM, whose ${MEAN}` },
  {
    types: ["starcoder2"],
    architectures: ["starcoder2"],
    is: `a StarCoder 2, whose ${MEAN} and whose ${UNGATED}`,
  },
  {
    types: ["cohere", "cohere2"],
    architectures: ["command-r", "cohere2"],
    is: `a Command or Aya, whose ${MEAN} and whose ${AT_ONCE}`,
  },
  {
    types: ["glm", "chatglm"],
    architectures: ["chatglm"],
    is: "a GLM before those of 0414, whose blocks have no norms behind attention and MLP",
    instead: "of Zhipu's models glm4 (GLM-4 of 0414, GLM-Z1) is supported",
  },
  {
    types: ["glm4_moe", "glm4_moe_lite"],
    architectures: ["glm4moe"],
    is: "a mixture of experts",
    instead: "of Zhipu's models glm4 (GLM-4 of 0414, GLM-Z1) is supported",
  },
  {
    types: ["exaone"],
    architectures: ["exaone"],
    is: "an EXAONE before 4, whose norms stand in front of attention and MLP, not behind",
    instead: LG,
  },
  {
    types: ["exaone_moe"],
    architectures: ["exaone-moe"],
    is: "a mixture of experts",
    instead: LG,
  },
  {
    types: ["ernie4_5_moe", "ernie4_5_vl_moe"],
    architectures: ["ernie4_5-moe"],
    is: "a mixture of experts",
    instead: "of Baidu's models ernie4_5 (0.3B) is supported",
  },
  {
    types: ["hunyuan_v1_moe"],
    architectures: ["hunyuan-moe"],
    is: "a mixture of experts",
    instead: "of Tencent's models hunyuan_v1_dense is supported",
  },
  {
    types: ["internlm2"],
    architectures: ["internlm2"],
    is: "an InternLM 2, whose q, k and v are one matrix, interleaved by heads",
  },
];

/** What the models of a `model_type` are, and what is supported beside them, as part of a sentence; null: not among those that are known. */
export function unsupportedType(type: string, supported: readonly string[]): string | null {
  const family = FAMILIES.find(({ types }) => types.includes(type));
  return family ? `${family.is}; ${family.instead ?? `supported are ${supported.join(", ")}`}` : null;
}

/** What the models of an architecture of llama.cpp are, as part of a sentence; null: not among those that are known. */
export function unsupportedArchitecture(architecture: string): string | null {
  return FAMILIES.find(({ architectures = [] }) => architectures.includes(architecture))?.is ?? null;
}
