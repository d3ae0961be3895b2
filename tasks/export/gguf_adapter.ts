/**
 * An adapter alone as a GGUF file for llama.cpp's `--lora`.
 * Source of keys and rules: llama.cpp's converters, src/llama-adapter.cpp.
 * @module
 */
import {
  ggufName,
  type GgufTensorToWrite,
  type GgufTyped,
  interleave,
  writingGguf,
} from "../../formats/gguf/mod.ts";
import type { Adapter, LoraTensors } from "../../formats/peft/mod.ts";
import { narrowed, widened } from "../../formats/subnormal.ts";
import type { ExportDtype } from "./config.ts";
import { checkArchitecture, ggufModelName } from "./gguf.ts";
import { ENCODINGS, FILE_TYPES } from "./gguf_types.ts";
import { holding } from "./holding.ts";
import type { ExportSource } from "./source/source.ts";

/** A module of an adapter as a file with one α holds it: its update is scaled by that α / rank. */
export interface ModuleOfOneAlpha extends LoraTensors {
  /** By which B differs; 1: it is B itself. */
  readonly factor: number;
  /** B as the file has it, `[out, r]`. */
  scaledB(): Float32Array<ArrayBuffer>;
}

/** An adapter under one α, that of its first module; where the modules' own scales don't come out so, B carries the difference. */
export function withOneAlpha(
  { modules }: Pick<Adapter, "modules">,
): { alpha: number; modules: Map<string, ModuleOfOneAlpha> } {
  const [first] = modules.values(), alpha = first === undefined ? 1 : first.scale * first.r;
  return {
    alpha,
    modules: new Map([...modules].map(([name, module]) => {
      const factor = module.scale * module.r / alpha;
      const scaledB = () =>
        factor === 1 ? module.b : narrowed(widened(module.b).map((value) => value * factor));
      return [name, { ...module, factor, scaledB }];
    })),
  };
}

/**
 * Writes the adapter alone, in llama.cpp's format: A and B as PEFT has them, the rows of B of q and k interleaved for
 * architectures llama, smollm3 and granite, and one α for the file, by which each module's update is scaled as α / rank
 * of its B. Where the modules' own scales don't come out so, B carries the difference.
 * @throws {RangeError} If the format has no place for something of the model; named
 */
export function* exportGgufAdapter(
  path: string,
  source: ExportSource,
  adapter: Adapter,
  { dtype, onTensor }: { dtype: ExportDtype; onTensor: () => void },
): Generator<void, string[]> {
  const { decoder } = source, architecture = checkArchitecture(decoder);
  const encoding = ENCODINGS[dtype], notes: string[] = [];
  const { alpha, modules } = withOneAlpha(adapter);
  if ([...modules.values()].some(({ factor }) => factor !== 1)) {
    notes.push(
      `llama.cpp has one alpha a file (${alpha}): the matrices B of modules with another carry the difference`,
    );
  }
  const tensors = [...modules].flatMap(([module, { a, b, r, scaledB }]): GgufTensorToWrite[] => {
    const { name, interleavedHeads } = ggufName(
      `${module}.weight`,
      architecture,
      decoder.numHeads,
      decoder.numKeyValueHeads,
    );
    const inputs = a.length / r, outputs = b.length / r;
    return [
      {
        name: `${name}.lora_a`,
        shape: [r, inputs],
        encoding,
        data: () => (onTensor(), holding(`${module}.lora_A`, a, encoding)),
      },
      {
        name: `${name}.lora_b`,
        shape: [outputs, r],
        encoding,
        data: () => {
          onTensor();
          const values = holding(`${module}.lora_B`, scaledB(), encoding);
          return interleavedHeads === null ? values : interleave(values, outputs, interleavedHeads);
        },
      },
    ];
  });
  yield* writingGguf(
    path,
    new Map<string, GgufTyped>([
      ["general.architecture", { type: "string", value: architecture }],
      ["general.type", { type: "string", value: "adapter" }],
      ["general.name", { type: "string", value: ggufModelName(source) }],
      ["adapter.type", { type: "string", value: "lora" }],
      ["adapter.lora.alpha", { type: "f32", value: alpha }],
      ["general.file_type", { type: "u32", value: FILE_TYPES[dtype] }],
    ]),
    tensors,
  );
  return notes;
}
