/**
 * Checks of what a dataset of one's own gives.
 * @module
 */
import { z } from "zod";

import { parsePyJson } from "../../../formats/python_json.ts";
import type { Dataset, ExampleShape } from "../dataset.ts";
import { onlyFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import { type Maker, replacing } from "./maker.ts";
import {
  aFunction,
  anObject,
  anyText,
  fields,
  flag,
  listOf,
  namedTexts,
  needed,
  oneOfNames,
  orNothing,
  words,
} from "./schemas.ts";
import { message } from "./message.ts";

/** Names of prompts and answers of each shape. */
export const SHAPE_PARTS: Record<ExampleShape, { prompts: readonly string[]; answers: readonly string[] }> = {
  text: { prompts: [], answers: ["y"] },
  single: { prompts: ["x"], answers: ["y"] },
  pair: { prompts: ["x"], answers: ["chosen", "rejected"] },
  kto: { prompts: ["x"], answers: ["y"] },
  iopo: { prompts: ["x1", "x2"], answers: ["y1", "y2"] },
  prompt: { prompts: ["x"], answers: ["y"] },
};
/** Names of the shapes. */
export const SHAPES: readonly string[] = Object.keys(SHAPE_PARTS);

const source = fields({
  file: words,
  row: needed("a whole number >= 0", (v) => Number.isSafeInteger(v) && (v as number) >= 0),
});
const task = fields({
  id: anyText,
  constraints: needed("a list of constraints", Array.isArray),
  groups: namedTexts,
  fields: namedTexts,
});
const dropped = onlyFields({ source, reason: words, field: anyText });
const turns = needed("a list of messages that isn't empty", (v) => Array.isArray(v) && v.length > 0).pipe(
  listOf(message),
);

function all(names: readonly string[], each: z.ZodType): z.ZodType {
  return onlyFields(Object.fromEntries(names.map((name) => [name, each])));
}

const examples = Object.fromEntries(
  Object.entries(SHAPE_PARTS).map(([shape, { prompts, answers }]) => [
    shape,
    onlyFields({
      source,
      shape: oneOfNames(shape),
      system: anyText,
      tools: anyText,
      variables: needed("a JSON object as text, or nothing,", (v) => v === undefined || isObjectText(v)),
      prompts: all(prompts, turns),
      answers: all(answers, message),
      desirable: shape === "kto" ? flag : orNothing(flag),
      task: shape === "prompt" ? task : orNothing(task),
    }),
  ]),
) as Record<ExampleShape, z.ZodType>;

function isObjectText(value: unknown): boolean {
  try {
    return typeof value === "string" && parsePyJson(value) instanceof Map;
  } catch {
    return false;
  }
}

/** A dataset: each record's example is of the shape that the loss asks for, with all its prompts and answers. */
export function checkedDataset(dataset: Dataset, maker: Maker): Dataset {
  maker.checkMade(
    dataset,
    fields({
      shapes: listOf(oneOfNames(...SHAPES)),
      defaults: fields({ columns: anObject, tags: anObject }),
      required: aFunction,
      convert: aFunction,
    }),
  );
  return replacing(dataset, {
    required: (shape) => maker.checked("required()", namedTexts, () => dataset.required(shape)),
    convert(record, attributes, source) {
      const row = ` of row ${source.row} of ${source.file}`;
      const converted = maker.run(
        () => dataset.convert(record, frozenCopy(attributes), frozenCopy(source)),
        `, row ${source.row} of ${source.file}`,
      );
      maker.check("convert()", converted, anObject, row);
      maker.check("convert()", converted, "reason" in converted ? dropped : examples[attributes.shape], row);
      return converted;
    },
  });
}
