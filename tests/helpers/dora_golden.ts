/**
 * PEFT's DoRA in float64 upon qwen2 of the tiny models (fixtures/goldens/peft/dora), as the engine takes it.
 * @module
 */
import { isLoraB } from "../../formats/peft/names.ts";
import { packExamples } from "../../kernels/engine/pack.ts";
import { engineName, idsExample, readJson, readTensors } from "./tiny_model.ts";

/** Folder of PEFT's goldens. */
export const PEFT_GOLDENS = new URL("../../fixtures/goldens/peft/", import.meta.url).pathname;

/** The golden, read anew: its numbers, its adapter under the engine's names, the sequences in one pack. */
export function doraGolden() {
  const golden = readJson(`${PEFT_GOLDENS}dora/golden.json`);
  const saved = Object.fromEntries(
    Object.entries(readTensors(`${PEFT_GOLDENS}dora/adapter/adapter_model.safetensors`))
      .map(([name, values]) => [engineName(name), values]),
  );
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
