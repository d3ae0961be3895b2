/**
 * The form in which a run will keep its frozen matrices.
 * @module
 */
import type { WeightSource } from "../../formats/hf_model/mod.ts";
import type { FloatPieces } from "../../formats/float_pieces.ts";
import { PACKED_GROUP, quantized } from "../../formats/packed/mod.ts";
import { savedTensors } from "../../formats/peft/mod.ts";
import { heldBytes, heldForm, packedBytes } from "../../kernels/backends/onnx/held_form.ts";
import { describeSubgroups, webgpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { chooseBackend, makeBackend } from "../../kernels/engine/backends.ts";
import { moduleShapes, tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { packedChoice } from "../../kernels/engine/weights/packed_weights.ts";
import type { Backend } from "../../kernels/mod.ts";
import type { TrainConfig } from "./config/mod.ts";

/** Storage of frozen matrices where the run will run. */
export interface WeightStorage {
  /** Bytes of a number, over all matrices but {@linkcode WeightStorage.float32}; 4: float32. */
  bytes: number;
  /** Matrices that stay float32 beside others, by name, and how many numbers each has; absent: none. */
  float32?: ReadonlyMap<string, number>;
  /** True if modules that PiSSA begins from are float32 nevertheless: what it leaves of their weights isn't what the file has. */
  wideRest?: boolean;
  /** True if the layers' modules have {@linkcode FEW} bytes a number or less: 4 bits would gain little. */
  fewBits?: boolean;
  /** In words, with the reason. */
  text: string;
  /** Subgroup functions of the shaders that run, or why there are none; absent without shaders. */
  shaders?: string;
}

/** Matrices by name with their shapes. */
type Matrices = ReadonlyMap<string, readonly number[]>;

/**
 * Asks the backend of a run. Each matrix is judged, on WebGPU by loading it.
 * @param model The model that `weights` are of
 */
export async function weightStorage(
  config:
    & Pick<TrainConfig, "finetuning_type" | "fp16" | "bf16" | "quantization_bit" | "pissa_init">
    & { additional_target?: readonly string[] }
    & Parameters<typeof chooseBackend>[0],
  weights: WeightSource,
  model: DecoderConfig,
): Promise<WeightStorage> {
  if (config.finetuning_type === "full") return { bytes: 4, text: "float32, as all are trained" };
  const { quantization_bit: bits } = config, { choice } = await chooseBackend(config);
  const leavesRest = config.pissa_init && config.finetuning_type === "lora";
  const modules = new Set([...moduleShapes(model).keys()].map((name) => `${name}.weight`));
  const matrices = new Map([...tensorShapes(model)].filter(([, shape]) => shape.length === 2));
  const onCpu = choice.provider === "cpu" && choice.backend !== "webgpu";
  const { additional_target = [] } = config, saved = savedTensors(additional_target, tensorShapes(model));
  const whole = new Set(config.finetuning_type === "lora" ? saved.keys() : []);
  const stored = onCpu ? await storedForms(choice, weights, { matrices, modules, bits, whole }) : null;
  if (choice.provider === "cuda" && choice.backend === "onnx" && (config.bf16 || config.fp16)) {
    return {
      bytes: 2,
      text: config.bf16 ? "bfloat16, as bf16: true says" : "float16, as fp16: true says",
    };
  }
  if (stored !== null) {
    const { bytes, forms, float32, packed, fewBits } = stored,
      counted = { float32, ...(fewBits && { fewBits }) };
    const except = exceptFor(float32, matrices.size - packed);
    if (bits !== null && packed > 0) {
      const elsewhere = forms ? forms + except : "float32";
      return {
        bytes,
        ...counted,
        text: `${bits} bits at most in the layers' modules, ${elsewhere} elsewhere`,
      };
    }
    const kept = `${forms}, as the file has them${except}`;
    return { ...ofFile(bytes, kept, leavesRest, "; products take them as float32"), ...counted };
  }
  if (choice.backend !== "webgpu") return { bytes: 4, text: "float32" };
  const backend = await webgpuBackend({ half: config.fp16 ? "rounded" : "exact" });
  try {
    const shaders = describeSubgroups(backend.subgroups);
    if (backend.half.storage === "none") {
      return { bytes: 4, text: `float32: ${backend.half.why}`, shaders };
    }
    const float32 = new Map<string, number>();
    for (const [name, shape] of matrices) {
      const { kept } = backend.half, pieces = weights.pieces(name);
      backend.uploadPieces?.(pieces, shape)?.dispose();
      if (backend.half.kept === kept) float32.set(name, pieces.count);
    }
    if (float32.size === matrices.size) {
      return { bytes: 4, text: "float32, as float16 would round them (fp16: true does so)", shaders };
    }
    const except = exceptFor(float32, matrices.size);
    if (config.fp16) return { bytes: 2, float32, text: `float16, as fp16: true says${except}`, shaders };
    return { ...ofFile(2, `float16, which holds the file's values${except}`, leavesRest), float32, shaders };
  } finally {
    await backend.dispose();
  }
}

/** ", but float32 in 2 of 15 matrices (model.layers.0.mlp.up_proj.weight, …)"; "" for none. */
function exceptFor(float32: ReadonlyMap<string, number>, matrices: number): string {
  const [first] = float32.keys();
  if (first === undefined) return "";
  const more = float32.size > 1 ? ", …" : "";
  return `, but float32 in ${float32.size} of ${matrices} matrices (${first}${more})`;
}

/** Storage of the file's values as they are; PiSSA leaves others of its modules'. */
function ofFile(bytes: number, form: string, leavesRest: boolean, end = ""): WeightStorage {
  if (!leavesRest) return { bytes, text: form + end };
  return { bytes, wideRest: true, text: `${form}, and float32 in modules that PiSSA begins from${end}` };
}

/** What others than blocks are called. */
const WORDS: Readonly<Record<string, string>> = { bf16: "bfloat16", f16: "float16" };

/** Forms of matrices on the CPU. */
interface StoredForms {
  /** Bytes of a number, over all matrices that aren't float32. */
  bytes: number;
  /** In words, of those that are as the file has them, of which others than modules are meant where some are packed; "": none are. */
  forms: string;
  float32: ReadonlyMap<string, number>;
  /** How many are in few bits in another form than the file's. */
  packed: number;
  fewBits: boolean;
}

/** How matrices lie on the CPU; null: all as float32. @param of Weights of `modules` may be packed in `bits`; `whole` ones are trained beside adapters */
async function storedForms(
  choice: Parameters<typeof makeBackend>[0],
  weights: WeightSource,
  { matrices, modules, bits, whole }: {
    matrices: Matrices;
    modules: ReadonlySet<string>;
    bits: 4 | 8 | null;
    whole: ReadonlySet<string>;
  },
): Promise<StoredForms | null> {
  const backend = await makeBackend(choice);
  try {
    const all = [...matrices].map(([name, shape]) => ({ name, shape, pieces: weights.pieces(name) }));
    const takes = takenBy(backend, all), float32 = new Map<string, number>();
    const forms = { modules: new Set<string>(), others: new Set<string>() };
    let packed = 0, bytes = 0, count = 0, ofModules = 0, inModules = 0;
    for (const { name, shape, pieces } of all) {
      const isModule = modules.has(name), isFrozen = !whole.has(name);
      const held = takes.stored && isFrozen ? heldForm(pieces, shape) : null;
      const isPackable = isModule && isFrozen && bits !== null;
      const chosen = isPackable ? packedChoice(weights, { name, shape }, bits, backend) : null;
      let own = 4 * pieces.count;
      if (chosen !== null && chosen !== "pieces") {
        own = packedBytes(chosen.form, shape as [number, number], takes.packed);
        packed++;
      } else if (held !== null) {
        own = heldBytes(held, shape);
        forms[isModule ? "modules" : "others"].add(WORDS[held] ?? held);
      } else float32.set(name, pieces.count);
      if (isModule) ofModules += own, inModules += pieces.count;
      if (!float32.has(name)) bytes += own, count += pieces.count;
    }
    if (count === 0) return null;
    const told = packed > 0 ? forms.others : forms.others.union(forms.modules);
    const words = [...told].join(", ").replace(/, ([^,]*)$/, " and $1"),
      fewBits = ofModules <= FEW * inModules;
    return { bytes: bytes / count, forms: words, float32, packed, fewBits };
  } finally {
    await backend.dispose();
  }
}

/** Bytes a number from which on fewer bits gain little: 4 with a scale are 0.63. */
const FEW = 0.75;

/** What a backend holds otherwise than as float32. It goes by forms, not by values, so that one matrix, the smallest, shows what becomes of all. */
function takenBy(
  backend: Backend,
  matrices: readonly { shape: readonly number[]; pieces: FloatPieces }[],
): { stored: boolean; packed: boolean } {
  const narrow = matrices.filter(({ pieces, shape }) => heldForm(pieces, shape) !== null);
  const [least] = narrow.toSorted((a, b) => a.pieces.count - b.pieces.count);
  const kept = least && backend.uploadPieces?.(least.pieces, least.shape);
  const tile = backend.uploadPacked?.(quantized(new Float32Array(16 * PACKED_GROUP), 16, PACKED_GROUP, 4));
  kept?.dispose();
  tile?.dispose();
  return { stored: Boolean(kept), packed: Boolean(tile) };
}
