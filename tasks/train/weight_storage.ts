/**
 * The form in which a run will keep its frozen matrices.
 * @module
 */
import type { WeightSource } from "../../formats/hf_model/mod.ts";
import { fitsBits, heldBytes, heldForm } from "../../kernels/backends/onnx/held_form.ts";
import { describeSubgroups, webgpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { chooseBackend, makeBackend } from "../../kernels/engine/backends.ts";
import { moduleShapes, tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import type { TrainConfig } from "./config/mod.ts";

/** Storage of frozen matrices where the run will run. */
export interface WeightStorage {
  /** Bytes of a number, over all matrices but {@linkcode WeightStorage.float32}; 4: float32. */
  bytes: number;
  /** Matrices that stay float32 beside others, by name, and how many numbers each has; absent: none. */
  float32?: ReadonlyMap<string, number>;
  /** True if modules that PiSSA begins from are float32 nevertheless: what it leaves of their weights isn't what the file has. */
  wideRest?: boolean;
  /** True if the layers' modules lie in the file's blocks, of at most quantization_bit's bits, or 4: that key changes nothing. */
  fits?: boolean;
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
    & Parameters<typeof chooseBackend>[0],
  weights: WeightSource,
  model: DecoderConfig,
): Promise<WeightStorage> {
  if (config.finetuning_type === "full") return { bytes: 4, text: "float32, as all are trained" };
  const { quantization_bit: bits } = config, { choice } = await chooseBackend(config);
  const leavesRest = config.pissa_init && config.finetuning_type === "lora";
  const modules = moduleShapes(model),
    ofModule = (name: string) => modules.has(name.replace(/\.weight$/, ""));
  const all = [...tensorShapes(model)].filter(([, shape]) => shape.length === 2);
  const onCpu = choice.backend === "onnx" && choice.provider === "cpu";
  const held = (matrices: Matrices) => onCpu ? storedForms(choice, weights, matrices) : Promise.resolve(null);
  const fits = !leavesRest &&
    all.every(([name, shape]) =>
      !ofModule(name) || fitsBits(heldForm(weights.pieces(name), shape), bits ?? 4)
    );
  const whole = new Map(all), others = new Map(all.filter(([name]) => !ofModule(name)));
  const inBlocks = fits ? await held(whole) : null;
  const matrices = bits === null || inBlocks !== null ? whole : others;
  const stored = inBlocks ?? await held(matrices);
  if (bits !== null && inBlocks === null) {
    const elsewhere = stored === null ? "float32" : `${stored.form}${exceptFor(stored.float32, matrices)}`;
    return {
      bytes: stored?.bytes ?? 4,
      ...(stored && { float32: stored.float32 }),
      text: `${bits} bits at most in the layers' modules, ${elsewhere} elsewhere`,
    };
  }
  if (choice.provider === "cuda" && choice.backend === "onnx" && (config.bf16 || config.fp16)) {
    return {
      bytes: 2,
      text: config.bf16 ? "bfloat16, as bf16: true says" : "float16, as fp16: true says",
    };
  }
  if (stored !== null) {
    const { bytes, form, float32 } = stored,
      kept = `${form}, as the file has them${exceptFor(float32, matrices)}`;
    const storage = ofFile(bytes, kept, leavesRest, "; products take them as float32");
    return { ...storage, float32, ...(fits && { fits }) };
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
    const except = exceptFor(float32, matrices);
    if (config.fp16) return { bytes: 2, float32, text: `float16, as fp16: true says${except}`, shaders };
    return { ...ofFile(2, `float16, which holds the file's values${except}`, leavesRest), float32, shaders };
  } finally {
    await backend.dispose();
  }
}

/** ", but float32 in 2 of 15 matrices (model.layers.0.mlp.up_proj.weight, …)"; "" for none. */
function exceptFor(float32: ReadonlyMap<string, number>, matrices: Matrices): string {
  const [first] = float32.keys();
  if (first === undefined) return "";
  const more = float32.size > 1 ? ", …" : "";
  return `, but float32 in ${float32.size} of ${matrices.size} matrices (${first}${more})`;
}

/** Storage of the file's values as they are; PiSSA leaves others of its modules'. */
function ofFile(bytes: number, form: string, leavesRest: boolean, end = ""): WeightStorage {
  if (!leavesRest) return { bytes, text: form + end };
  return { bytes, wideRest: true, text: `${form}, and float32 in modules that PiSSA begins from${end}` };
}

const WORDS: Readonly<Record<string, string>> = { bf16: "bfloat16", f16: "float16" };

/** The forms that a file's matrices keep on the CPU, in words, and those that don't; null: all become float32 there. */
async function storedForms(
  choice: Parameters<typeof makeBackend>[0],
  weights: WeightSource,
  matrices: Matrices,
): Promise<{ bytes: number; form: string; float32: ReadonlyMap<string, number> } | null> {
  const all = [...matrices].map(([name, shape]) => {
    const pieces = weights.pieces(name);
    return { name, shape, pieces, held: heldForm(pieces, shape) };
  });
  const narrow = all.flatMap(({ held, ...one }) => held === null ? [] : [{ ...one, held }]);
  const [least] = narrow.toSorted((a, b) => a.pieces.count - b.pieces.count);
  if (least === undefined) return null;
  const backend = await makeBackend(choice);
  try {
    // It goes by types, not by values, so that the smallest one shows what becomes of all.
    const kept = backend.uploadPieces?.(least.pieces, least.shape) ?? null;
    kept?.dispose();
    if (kept === null) return null;
  } finally {
    await backend.dispose();
  }
  const forms = new Set(narrow.map(({ held }) => WORDS[held] ?? held));
  const others = all.filter(({ held }) => held === null);
  const bytes = narrow.reduce((sum, { held, shape }) => sum + heldBytes(held, shape), 0);
  return {
    bytes: bytes / narrow.reduce((sum, { pieces }) => sum + pieces.count, 0),
    form: [...forms].join(" and "),
    float32: new Map(others.map(({ name, pieces }) => [name, pieces.count])),
  };
}
