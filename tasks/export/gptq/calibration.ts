/**
 * Texts that a quantisation is calibrated on, chosen as LLaMA-Factory chooses them (`_get_quantization_dataset`): rows
 * at random until one is longer than a text shall be, and of it a window at random. The generator has a fixed seed here, so that the same file gives
 * the same weights.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { shown } from "../../../formats/message.ts";
import { listFiles } from "../../../formats/records/list_files.ts";
import { readRecords } from "../../../formats/records/read_files.ts";
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import { NumpyGenerator } from "../../../kernels/random/numpy.ts";

/** Rows that are tried for one text. */
const TRIES = 101;
const SEED = 42;

/** Choice of texts, by LLaMA-Factory's keys. */
export interface CalibrationSettings {
  /** File with a `text` a row: json, jsonl, csv, parquet or txt. */
  export_quantization_dataset: string;
  /** Number of texts. */
  export_quantization_nsamples: number;
  /** Tokens of each. */
  export_quantization_maxlen: number;
}

/**
 * Reads and cuts the texts.
 * @param vocabSize Rows of the embedding
 * @returns Token ids, `[nsamples, maxlen]`
 * @throws {RangeError} If a row has no text, too few are long enough, or the tokenizer gives ids that the model lacks
 */
export async function calibrationTexts(
  settings: CalibrationSettings,
  tokenizer: Pick<Tokenizer, "encode">,
  vocabSize: number,
): Promise<number[][]> {
  const {
    export_quantization_dataset: file,
    export_quantization_nsamples: count,
    export_quantization_maxlen: length,
  } = settings;
  const texts = await textsOf(file), encoded = new Map<number, number[]>();
  const random = new NumpyGenerator(SEED);
  const idsOf = (row: number) => {
    const ids = encoded.get(row) ?? tokenizer.encode(item(texts, row));
    encoded.set(row, ids);
    return ids;
  };
  return Array.from({ length: count }, () => {
    for (let tries = 0; tries < TRIES; tries++) {
      const ids = idsOf(random.integer(texts.length));
      if (ids.length <= length) continue;
      const start = random.integer(ids.length - length), window = ids.slice(start, start + length);
      const foreign = window.find((id) => id >= vocabSize);
      if (foreign === undefined) return window;
      throw new RangeError(
        `Cannot calibrate on ${file} as the model has ${vocabSize} tokens: current value is ${foreign}; its tokenizer is another model's`,
      );
    }
    throw new RangeError(
      `Cannot calibrate on ${file} as texts of more than ${length} tokens are needed: none was found among ${TRIES} of its ${texts.length} ` +
        `rows; lower export_quantization_maxlen, or name a file with longer texts`,
    );
  });
}

async function textsOf(file: string): Promise<string[]> {
  const texts: string[] = [];
  for (const path of listFiles([file], "export_quantization_dataset")) {
    for await (const records of readRecords(path)) {
      for (const record of records) {
        const text = typeof record.value === "object" && record.value !== null && "text" in record.value
          ? record.value.text
          : undefined;
        if (typeof text === "string") texts.push(text);
        else {
          throw new RangeError(
            `Cannot calibrate on ${path} as each row needs a text: current value of row ${
              texts.length + 1
            } is ${shown(text)}`,
          );
        }
      }
    }
  }
  if (texts.length > 0) return texts;
  throw new RangeError(`Cannot calibrate on ${file} as it has no rows`);
}
