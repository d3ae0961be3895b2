/**
 * Adapters that tune more than the layers' linear modules: embeddings, output head, norms and biases, by LoRA or as a whole
 * (`modules_to_save`, `bias`, `trainable_token_indices`), and weight-decomposed LoRA (DoRA, Liu et al. 2024: rows of `W + scale · B A` of the lengths
 * `lora_magnitude_vector`). They are read for merging, as PEFT 0.21 merges them.
 * @module
 */
import { item, valueOf } from "../elements.ts";
import { SafetensorsFile } from "../safetensors/mod.ts";
import { type Adapter, loraOf, type LoraTensors, type ModuleShapes } from "./adapter.ts";
import { adapterWeightsPath, readAdapterFields } from "./adapter_files.ts";
import { checkAdapterTensors, loraTensorShapes } from "./adapter_tensors.ts";
import { type LoraConfig, MERGED_FIELDS, parseLoraConfig } from "./config.ts";
import { decoderTensors, PEFT_PREFIX, renamed, spellingOfTensors } from "./module_names.ts";
import { loraNames } from "./names.ts";
import { matchTargets } from "./target_modules.ts";
import { checkSaved, EMBEDDING_MODULE, HEAD_MODULE, tokenRows } from "./whole_fields.ts";

/** An adapter with everything that it changes; tensors by their names in transformers. */
export interface WholeAdapter extends Adapter {
  /** Values that take the place of the base's; read when they are asked for, as an embedding may be large. */
  readonly replaced: ReadonlyMap<string, () => Float32Array<ArrayBuffer>>;
  /** Rows that take the place of the base's, `[indices, columns]`. */
  readonly rows: ReadonlyMap<string, { readonly indices: readonly number[]; readonly values: Float32Array }>;
  /** Lengths of the merged rows, `[out]`, by module. */
  readonly magnitudes: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** True where embedding and output head change apart although the base has one tensor for both. */
  readonly unties: boolean;
}

/**
 * Reads an adapter for merging and checks all of it first.
 * @param modules Of the layers' linear modules
 * @param tensors Of all tensors of the model, whose embedding is `[V, hidden]`; without a head of its own where that is tied
 * @param beside Of tensors beside the decoder, in a model that sees, too, whose linear modules an adapter may tune; null of a text model
 * @throws {RangeError} If something isn't supported, missing, or foreign to the model; named
 * @throws {TypeError} If a tensor has the wrong shape, such as that of a resized vocabulary
 * @throws {SyntaxError} If a file is damaged
 */
export function readWholeAdapter(
  directory: string,
  modules: ModuleShapes,
  tensors: ReadonlyMap<string, readonly number[]>,
  beside: ReadonlyMap<string, readonly number[]> | null = null,
): WholeAdapter {
  const given = readAdapterFields(directory);
  const written = parseLoraConfig(given.fields, given.path, MERGED_FIELDS);
  const path = adapterWeightsPath(directory);
  using stored = new SafetensorsFile(path);
  const file = beside === null ? stored : decoderTensors(stored);
  const base = baseOf(tensors);
  const seeing: ModuleShapes = beside === null ? new Map() : linearModules(beside, [...file.tensors.keys()]);
  const inner = new Map([...modules, ...seeing]);
  const { config, targets } = targetsOf(
    given,
    written,
    [inner, base],
    beside === null ? null : stored.tensors.keys(),
  );
  const parts = partsOf(given, { config, targets }, [new Map([...inner, ...base.outer]), base]);
  const expected = new Map([...parts.expected]);
  // a tied head may be saved apart from its embedding
  const places = new Map([
    [`${HEAD_MODULE}.weight`, [base.vocabulary, base.hidden]],
    ...tensors,
    ...beside ?? [],
  ]);
  const inPlace = new Map<string, string>();
  for (const name of file.tensors.keys()) {
    const target = targetOf(name);
    if (expected.has(name) || !places.has(target)) continue;
    expected.set(name, valueOf(places, target));
    inPlace.set(target, name);
  }
  checkAdapterTensors(file, expected, "with peft");
  checkSaved(given.fields.modules_to_save, given.path, [...inPlace.keys()]);
  const changed = new Set([...inPlace.keys(), ...targets.map((module) => `${module}.weight`)]);
  const read = (name: string) => {
    using again = new SafetensorsFile(path);
    return (beside === null ? again : decoderTensors(again)).readFloat32(name);
  };
  return {
    config,
    modules: loraTensors(file, config, parts, base),
    replaced: new Map([...inPlace].map(([target, name]) => [target, () => read(name)])),
    rows: new Map([...parts.rows].map(([module, indices]) => [
      `${module}.weight`,
      { indices, values: file.readFloat32(rowsName(module)) },
    ])),
    magnitudes: new Map(
      parts.lengthened.map((module) => [module, file.readFloat32(magnitudeName(module))]),
    ),
    unties: base.isTied && given.fields.ensure_weight_tying !== true &&
      [...base.outer.keys()].some((module) => changed.has(`${module}.weight`)),
  };
}

type Given = ReturnType<typeof readAdapterFields>;
type Base = ReturnType<typeof baseOf>;
type Parts = ReturnType<typeof partsOf>;

const magnitudeName = (module: string) => loraNames(`${PEFT_PREFIX}${module}`).magnitude;
const rowsName = (module: string) => `${PEFT_PREFIX}${module}.token_adapter.trainable_tokens_delta`;
/** Name of LoRA's matrices of the embedding, without their letter. */
const EMBEDDING_LORA = `${PEFT_PREFIX}${EMBEDDING_MODULE}.lora_embedding_`;

/** The embedding's sizes, and the modules outside of the layers, `[V, hidden]` each. */
function baseOf(tensors: ReadonlyMap<string, readonly number[]>) {
  const [vocabulary = 0, hidden = 0] = valueOf(tensors, `${EMBEDDING_MODULE}.weight`);
  const outer: ModuleShapes = new Map(
    [EMBEDDING_MODULE, HEAD_MODULE].map((module) => [module, [vocabulary, hidden]]),
  );
  return { vocabulary, hidden, outer, isTied: !tensors.has(`${HEAD_MODULE}.weight`) };
}

/**
 * Modules that LoRA adapts, and the configuration with the decoder's names.
 * @param seeing Names of the adapter's tensors where the model sees, too
 */
function targetsOf(
  { fields, path }: Given,
  written: LoraConfig,
  [inner, { outer, isTied }]: readonly [ModuleShapes, Base],
  seeing: Iterable<string> | null,
): { config: LoraConfig; targets: string[] } {
  // PEFT takes neither of the two outer modules for all-linear
  const isAll = typeof written.targetModules === "string" &&
    written.targetModules.toLowerCase() === "all-linear";
  const names = [...inner.keys(), ...(isAll ? [] : outer.keys())];
  const config = seeing === null ? written : renamed(written, names.map(spellingOfTensors(seeing)), names);
  const targets = matchTargets(config, names);
  if (isTied && fields.ensure_weight_tying === true && targets.some((name) => outer.has(name))) {
    throw new RangeError(
      `Cannot use the adapter ${path}: ensure_weight_tying is true, with LoRA on embedding or output head; ` +
        "this isn't supported. Merge the adapter with peft",
    );
  }
  return { config, targets };
}

/** Modules by the way in which they are adapted, and shapes of the tensors that this takes, by their names in the file. */
function partsOf(
  { fields, path }: Given,
  { config, targets }: { config: LoraConfig; targets: readonly string[] },
  [shapes, { vocabulary, hidden, isTied }]: readonly [ModuleShapes, Base],
) {
  const linear = targets.filter((name) => name !== EMBEDDING_MODULE);
  const expected = loraTensorShapes(config, linear, shapes),
    hasEmbedding = targets.includes(EMBEDDING_MODULE);
  if (hasEmbedding) {
    const { r } = loraOf(config, EMBEDDING_MODULE);
    expected.set(`${EMBEDDING_LORA}A`, [r, vocabulary]).set(`${EMBEDDING_LORA}B`, [hidden, r]);
  }
  const lengthened = fields.use_dora === true ? linear : [];
  const rows = tokenRows(fields.trainable_token_indices, path, vocabulary, isTied);
  for (const [module, indices] of rows) expected.set(rowsName(module), [indices.length, hidden]);
  return { linear, hasEmbedding, lengthened, rows, expected };
}

/** LoRA's matrices by module. */
function loraTensors(
  file: Pick<SafetensorsFile, "readFloat32">,
  config: LoraConfig,
  { linear, hasEmbedding }: Parts,
  { vocabulary }: Base,
): Map<string, LoraTensors> {
  const lora = new Map(linear.map((module): [string, LoraTensors] => {
    const { a, b } = loraNames(`${PEFT_PREFIX}${module}`);
    return [module, { ...loraOf(config, module), a: file.readFloat32(a), b: file.readFloat32(b) }];
  }));
  if (hasEmbedding) {
    // its rows are looked up, so its update is (B A)ᵀ
    const own = loraOf(config, EMBEDDING_MODULE);
    const a = transposed(file.readFloat32(`${EMBEDDING_LORA}B`), own.r),
      b = transposed(file.readFloat32(`${EMBEDDING_LORA}A`), vocabulary);
    lora.set(EMBEDDING_MODULE, { ...own, a, b });
  }
  return lora;
}

/**
 * `[out, in]` of linear modules beside the decoder that an adapter has matrices of. Others of the names that it targets are left as
 * they are, as PEFT leaves them.
 */
function linearModules(
  beside: ReadonlyMap<string, readonly number[]>,
  names: readonly string[],
): ModuleShapes {
  const tuned = new Set(names.map((name) => name.replace(/\.lora_[AB]\.weight$/, "")));
  return new Map(
    [...beside].flatMap(([name, [rows = 0, columns = 0, ...more]]) => {
      const module = name.replace(/\.weight$/, "");
      const isLinear = module !== name && columns > 0 && more.length === 0;
      return isLinear && tuned.has(`${PEFT_PREFIX}${module}`) ? [[module, [rows, columns] as const]] : [];
    }),
  );
}

/** A tensor's name in transformers, or "" where it isn't PEFT's, by which it takes the place of the base's. */
function targetOf(name: string): string {
  if (!name.startsWith(PEFT_PREFIX)) return "";
  return name.slice(PEFT_PREFIX.length)
    .replace(/\.(base_layer|modules_to_save(\.default)?)\.(weight|bias)$/, ".$3");
}

/** A matrix `[rows, columns]` as `[columns, rows]`. */
function transposed(values: Float32Array<ArrayBuffer>, columns: number): Float32Array<ArrayBuffer> {
  const rows = values.length / columns, out = new Float32Array(values.length);
  // bits: numbers may lose theirs on the way
  const from = new Uint32Array(values.buffer), to = new Uint32Array(out.buffer);
  for (let i = 0; i < values.length; i++) to[i % columns * rows + Math.floor(i / columns)] = item(from, i);
  return out;
}
