/**
 * Fields of an adapter's configuration about what it changes beside the layers' linear modules.
 * @module
 */
import { shown } from "../message.ts";

/** Module of the embedding, in transformers. */
export const EMBEDDING_MODULE = "model.embed_tokens";
/** Module of the output head, in transformers; absent where it is the embedding. */
export const HEAD_MODULE = "lm_head";

/**
 * Trained rows by module. A list is the embedding's.
 * @param field `trainable_token_indices`
 * @param path Of the adapter's configuration, for errors
 * @throws {RangeError} If one is none of the vocabulary
 */
export function tokenRows(
  field: unknown,
  path: string,
  vocabulary: number,
  isTied: boolean,
): Map<string, readonly number[]> {
  if (field === null || field === undefined) return new Map();
  const lists = Array.isArray(field) ? { embed_tokens: field } : field as Record<string, unknown>;
  return new Map(
    Object.entries(lists).map(([name, list]) => {
      const module = [EMBEDDING_MODULE, HEAD_MODULE].find((known) =>
        known === name || known.endsWith(`.${name}`)
      );
      const isRow = (id: unknown) =>
        Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabulary;
      if (
        module === undefined || (module === HEAD_MODULE && isTied) || !Array.isArray(list) ||
        !list.every(isRow)
      ) {
        throw new RangeError(
          `Cannot use the adapter ${path} as trainable_token_indices must be rows of ${EMBEDDING_MODULE}${
            isTied ? "" : ` or ${HEAD_MODULE}`
          }, below ${vocabulary}: ` +
            `current value is ${shown(field)}`,
        );
      }
      return [module, list as number[]];
    }),
  );
}

/**
 * Tensors of the modules that are trained and saved as a whole: PEFT takes every module whose name ends with one of the names, at no dot.
 * @param modules `modules_to_save`
 * @param tensors Anything by names of tensors in transformers
 */
export function savedTensors<T>(
  modules: readonly string[] | undefined,
  tensors: ReadonlyMap<string, T>,
): Map<string, T> {
  return new Map([...tensors].filter(([name]) => {
    const module = name.replace(/\.(weight|bias)$/, "");
    return modules?.some((ending) => module.endsWith(ending)) ?? false;
  }));
}

/**
 * Looks for the modules that are saved as a whole among the tensors of an adapter.
 * @param field `modules_to_save`
 * @param path Of the adapter's configuration, for errors
 * @param found Names of tensors in transformers
 * @throws {RangeError} If one isn't there
 */
export function checkSaved(field: unknown, path: string, found: readonly string[]): void {
  if (field === null || field === undefined) return;
  for (const name of Array.isArray(field) ? field : [field]) {
    const isOf = (target: string) => `.${target.replace(/\.(weight|bias)$/, "")}`.endsWith(`.${name}`);
    if (typeof name === "string" && found.some(isOf)) continue;
    throw new RangeError(
      `Cannot use the adapter ${path} as modules_to_save must be modules of the model whose weights it has: current value is ${
        shown(name)
      }`,
    );
  }
}
