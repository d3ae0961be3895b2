/**
 * PEFT's DoRA in float64 upon qwen2 of the tiny models (fixtures/goldens/peft/dora), as the engine takes it.
 * @module
 */
import { entryOf } from "../../formats/elements.ts";
import { isLoraB, isMagnitude } from "../../formats/peft/names.ts";
import { packExamples } from "../../kernels/engine/packs/pack.ts";
import { idsExample, readAdapterTensors, readJson, readTensors } from "./tiny_model.ts";

/** Folder of PEFT's goldens. */
export const PEFT_GOLDENS = new URL("../../fixtures/goldens/peft/", import.meta.url).pathname;

/** The golden, read anew: its numbers, its adapter under the engine's names, the sequences in one pack. */
export function doraGolden() {
  const golden = readJson(`${PEFT_GOLDENS}dora/golden.json`);
  const saved = readAdapterTensors(`${PEFT_GOLDENS}dora/adapter/adapter_model.safetensors`);
  const modules = Object.fromEntries(
    Object.keys(saved).filter(isLoraB).map((name) => [
      name.replace(".lora_B.weight", ""),
      { rank: 4, scale: 2, dora: true },
    ]),
  );
  const pack = packExamples(
    golden.sequences.map(([first, ...rest]: number[]) => idsExample({ s: [[Number(first)], rest] })),
  );
  const labelled: boolean[] = golden.labels.flatMap((l: number[]) => l.slice(1).map((v) => v !== -100));
  const count = labelled.filter(Boolean).length;
  /** d loss / d log-probability of the mean over learnt tokens. */
  const slopes = Float64Array.from(labelled, (on) => on ? -1 / count : 0);
  /** A fresh adapter's A; B is zeros then, and lengths are the frozen rows'. */
  const fresh = Object.fromEntries(
    Object.entries(saved).filter(([name]) => name.endsWith("lora_A.weight")),
  );
  return { golden, saved, modules, pack, slopes, fresh };
}

/** What PEFT made of a fresh adapter in five steps of AdamW (a folder's trained.safetensors), and where it began: A, zeros as B, lengths. */
export function doraTraining(folder: string, fresh: Readonly<Record<string, Float32Array<ArrayBuffer>>>) {
  const values = readTensors(`${folder}trained.safetensors`);
  const expected = Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith("start.")));
  const start = Object.fromEntries(
    Object.entries(expected).map(([name, { length }]) => [
      name,
      isLoraB(name)
        ? new Float32Array(length)
        : isMagnitude(name)
        ? entryOf(values, `start.${name}`)
        : entryOf(fresh, name),
    ]),
  );
  return { expected, start };
}
