/**
 * The base of an adapter beside the model that it is used on. Shapes don't tell: a base and its instructed sister have the same.
 * @module
 */
import { createHash } from "node:crypto";
import { basename, join, resolve } from "@std/path";

// not its mod.ts: an engine's Worker needs no readers of data sets
import { hubName } from "../hub/repository.ts";
import { readAdapterFields } from "./adapter_files.ts";

/**
 * Compares the base that an adapter's configuration names with a model: by their last names (hub ids, folders and GGUF files of one
 * model share it, a quantisation's mark apart), and by samples of their weights where both lie on this machine in the same format.
 * @param directory The adapter's folder
 * @param model Folder, GGUF file or hub id
 * @returns One sentence, or null when nothing speaks against it
 * @throws {RangeError} If the folder holds no adapter
 */
export function baseDifference(directory: string, model: string): string | null {
  const { base_model_name_or_path: base } = readAdapterFields(directory).fields;
  if (typeof base !== "string" || base === "") return null; // not said
  if (plainName(base) !== plainName(model)) {
    return `${directory} was trained on ${base}, the model is ${model}`;
  }
  if (resolve(base) === resolve(model)) return null;
  const [before, now] = [weightSamples(base), weightSamples(model)];
  if (before === null || now === null || before.format !== now.format || before.hash === now.hash) {
    return null;
  }
  return `${directory} was trained on ${base}, and ${model} has the same name but other weights`;
}

function plainName(name: string): string {
  return basename((hubName(name)?.id ?? name).replace(/[/\\]+$/, "")).toLowerCase().replace(/\.gguf$/, "")
    .replace(/[-.](i?q\d\w*|f16|bf16|f32)$/, "");
}

const SAMPLES = 8, SAMPLE_BYTES = 1 << 16;

/** Names, sizes and bytes at a few places of a model's weight files; null where there are none. */
function weightSamples(model: string): { format: string; hash: string } | null {
  try {
    const isFile = Deno.statSync(model).isFile;
    const names = isFile ? [basename(model)] : [...Deno.readDirSync(model)].map(({ name }) => name)
      .filter((name) => /\.(safetensors|gguf)$/.test(name)).sort();
    const [first] = names;
    if (first === undefined) return null;
    const hash = createHash("sha256");
    for (const name of names) {
      using file = Deno.openSync(isFile ? model : join(model, name));
      const { size } = file.statSync();
      hash.update(isFile ? `${size}` : `${name} ${size}`);
      const bytes = new Uint8Array(Math.min(SAMPLE_BYTES, size));
      for (let i = 0; i < SAMPLES; i++) {
        file.seekSync(Math.floor(((size - bytes.length) * i) / (SAMPLES - 1)), Deno.SeekMode.Start);
        hash.update(bytes.subarray(0, file.readSync(bytes) ?? 0));
      }
    }
    return { format: `${isFile} ${first.split(".").at(-1)}`, hash: hash.digest("hex") };
  } catch (error) {
    // a hub id, or a folder that is gone or closed to us: nothing to compare
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return null;
    if (error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.NotCapable) return null;
    throw error;
  }
}
