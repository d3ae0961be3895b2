/**
 * Checks of what a dataset, a loss and a template of one's own give.
 * @module
 */
import { z } from "zod";

import { counted } from "../../../formats/counted.ts";
import { parsePyJson } from "../../../formats/python_json.ts";
import { Scalar } from "../../../kernels/tape.ts";
import type { Dataset, ExampleShape } from "../dataset.ts";
import type { Loss, LossInputs } from "../loss.ts";
import { MESSAGE_PARTS, type Template } from "../template.ts";
import { onlyFields, productFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import { guardedInputs, guardedRows, guardedTokens } from "./loss_inputs.ts";
import {
  aFunction,
  anObject,
  anyText,
  fields,
  flag,
  functionOrNothing,
  isNamed,
  listOf,
  type Maker,
  namedNumbers,
  namedTexts,
  needed,
  oneOfNames,
  orNothing,
  replacing,
  words,
} from "./maker.ts";
import { message } from "./message.ts";

/** Names of prompts and answers of each shape. */
const NAMES: Record<ExampleShape, { prompts: readonly string[]; answers: readonly string[] }> = {
  text: { prompts: [], answers: ["y"] },
  single: { prompts: ["x"], answers: ["y"] },
  pair: { prompts: ["x"], answers: ["chosen", "rejected"] },
  kto: { prompts: ["x"], answers: ["y"] },
  iopo: { prompts: ["x1", "x2"], answers: ["y1", "y2"] },
};
const SHAPES = Object.keys(NAMES);

const source = fields({
  file: words,
  row: needed("a whole number >= 0", (v) => Number.isSafeInteger(v) && (v as number) >= 0),
});
const dropped = onlyFields({ source, reason: words, field: anyText });
const turns = needed("a list of messages that isn't empty", (v) => Array.isArray(v) && v.length > 0).pipe(
  listOf(message),
);

function all(names: readonly string[], each: z.ZodType): z.ZodType {
  return onlyFields(Object.fromEntries(names.map((name) => [name, each])));
}

const examples = Object.fromEntries(
  Object.entries(NAMES).map(([shape, { prompts, answers }]) => [
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
    required(shape) {
      const found = maker.run(() => dataset.required(shape));
      maker.check("required()", found, namedTexts);
      return found;
    },
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

/** Names that a log has of its own: a metric of that name would stand in their place. */
const LOGGED = ["loss", "grad_norm", "learning_rate", "epoch", "step", "num_input_tokens_seen"];
const metric = (v: unknown) => typeof v === "number" || v instanceof Scalar;

const ownNames = z.unknown().superRefine((metrics, context) => {
  const taken = LOGGED.find((name) => Object.hasOwn(metrics as object, name));
  if (taken === undefined) return;
  const message = `metrics under names that the log doesn't use itself (${LOGGED.join(", ")}) are needed`;
  context.addIssue({ code: "custom", message });
});

/** A loss: its declaration names sequences of its shape, and each example's loss is a finite value of the tape. */
export function checkedLoss(loss: Loss, maker: Maker): Loss {
  maker.checkMade(
    loss,
    productFields({
      shape: oneOfNames(...SHAPES),
      sequences: needed("a map of names to [prompt, answer]", isSequences),
      needsReference: flag,
      normalize: oneOfNames("examples", "label_tokens"),
      loss: aFunction,
    }, {
      batch: functionOrNothing,
      tokenWeights: functionOrNothing,
      summarize: functionOrNothing,
      initialLoss: needed("a finite number, or nothing,", (v) => v === undefined || Number.isFinite(v)),
    }),
  );
  const { prompts, answers } = NAMES[loss.shape];
  for (const [name, [prompt, answer]] of Object.entries(loss.sequences)) {
    const known = loss.shape === "kto" ? [...answers, "kl"] : answers;
    if ((prompt === "" ? loss.shape === "text" : prompts.includes(prompt)) && known.includes(answer)) {
      continue;
    }
    maker.refuse(
      `Cannot use sequence ${name} as shape ${loss.shape} has the prompts ${
        prompts.join(", ") || '""'
      } and the answers ` +
        `${known.join(", ")}: current value is ["${prompt}", "${answer}"]`,
    );
  }
  const { batch, summarize, tokenWeights } = loss;
  return replacing(loss, {
    loss(inputs) {
      const outputs = maker.run(() => loss.loss(guardedInputs(loss, inputs)));
      maker.check(
        "loss()",
        outputs,
        fields({
          loss: needed("a value made of policy or R (a Scalar)", (v) => v instanceof Scalar),
          metrics: needed(
            "a map of names to numbers",
            (v) => isNamed(v) && Object.values(v).every(metric),
          ).pipe(ownNames),
        }),
      );
      if (!Number.isFinite(outputs.loss.value) && isFinite(inputs)) {
        maker.refuse(
          `Cannot learn from loss() as a finite number is needed: current value is ${outputs.loss.value} of policy ${
            JSON.stringify(inputs.policy, (_, v) => v instanceof Scalar ? v.value : v)
          }`,
        );
      }
      return outputs;
    },
    batch: batch && ((rows) => {
      const found = maker.run(() => batch.call(loss, guardedRows(loss, rows)));
      maker.check("batch()", found, namedNumbers);
      const given = rows.flatMap((row) => [...Object.values(row.policy), ...Object.values(row.reference)]);
      if (given.every(Number.isFinite)) maker.check("batch()", found, finite);
      return found;
    }),
    tokenWeights: tokenWeights && ((tokens) => {
      const found = maker.run(() => tokenWeights.call(loss, guardedTokens(tokens)));
      maker.check("tokenWeights()", found, needed("a map of sequences' names to Float64Arrays", isWeights));
      return found;
    }),
    summarize: summarize && ((means) => {
      const found = maker.run(() => summarize.call(loss, means));
      maker.check("summarize()", found, namedNumbers.pipe(ownNames));
      return found;
    }),
  });
}

function isWeights(value: unknown): boolean {
  return isNamed(value) && Object.values(value).every((v) => v instanceof Float64Array);
}

const finite = needed(
  "a map of names to finite numbers",
  (v) => Object.values(v as object).every(Number.isFinite),
);

function isSequences(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const pairs = Object.values(value);
  return pairs.length > 0 &&
    pairs.every((pair) =>
      Array.isArray(pair) && pair.length === 2 && pair.every((name) => typeof name === "string")
    );
}

function isFinite({ policy, reference, batch }: LossInputs): boolean {
  return [...Object.values(policy), ...Object.values(reference)].every(({ value }) =>
    Number.isFinite(value)
  ) &&
    Object.values(batch).every(Number.isFinite);
}

const ids = needed(
  "a list of token ids (whole numbers >= 0)",
  (v) => Array.isArray(v) && v.every((id) => Number.isInteger(id) && id >= 0),
);
const encoded = listOf(onlyFields({ source: ids, target: ids }), "a list of turns {source, target}");
const textOrNull = needed("a text, or null,", (v) => v === null || typeof v === "string");

/** A template: its turns and prompts are token ids. What it objects to in a record stays as it is: it is a reason to drop the row. */
export function checkedTemplateProduct(template: Template, maker: Maker): Template {
  maker.checkMade(
    template,
    productFields({
      name: anyText,
      stopWords: listOf(anyText),
      replaceEos: flag,
      defaultSystem: anyText,
      encodeTurns: aFunction,
      encodePrompt: aFunction,
    }, {
      endOfText: orNothing(anyText),
      chatTemplate: orNothing(anyText),
      efficientEos: orNothing(flag),
      replaceJinja: orNothing(flag),
      encodeOneTurn: functionOrNothing,
      encodeChat: functionOrNothing,
      jinja: functionOrNothing,
      trainedJinja: functionOrNothing,
      ignores: functionOrNothing,
      readsVariable: functionOrNothing,
    }),
  );
  const { encodeOneTurn, encodeChat, jinja, trainedJinja, ignores, readsVariable } = template;
  return replacing(template, {
    encodeTurns(tokenizer, conversation, ...options) {
      const found = maker.objecting(() =>
        template.encodeTurns(tokenizer, frozenCopy(conversation), ...options)
      );
      maker.check("encodeTurns()", found, encoded);
      // which answers are learnt is told by their turns' numbers
      if (2 * found.length !== conversation.messages.length) {
        maker.refuse(
          `Cannot use encodeTurns() of ${conversation.messages.length} messages as a turn for every two of them is needed: current value is ${
            counted(found.length, "turn")
          }`,
        );
      }
      return found;
    },
    encodeOneTurn: encodeOneTurn && ((tokenizer, conversation) => {
      const found = maker.objecting(() => encodeOneTurn.call(template, tokenizer, frozenCopy(conversation)));
      maker.check("encodeOneTurn()", found, encoded);
      return found;
    }),
    encodePrompt(tokenizer, conversation) {
      const found = maker.objecting(() => template.encodePrompt(tokenizer, frozenCopy(conversation)));
      maker.check("encodePrompt()", found, ids);
      return found;
    },
    encodeChat: encodeChat && ((tokenizer, chat) => {
      const found = maker.objecting(() => encodeChat.call(template, tokenizer, frozenCopy(chat)));
      maker.check("encodeChat()", found, ids);
      return found;
    }),
    jinja: jinja && ((tokenizer) => {
      const found = maker.run(() => jinja.call(template, tokenizer));
      maker.check("jinja()", found, textOrNull);
      return found;
    }),
    trainedJinja: trainedJinja && ((tokenizer) => {
      const found = maker.run(() => trainedJinja.call(template, tokenizer));
      maker.check("trainedJinja()", found, textOrNull);
      return found;
    }),
    ignores: ignores && ((tokenizer) => {
      const found = maker.run(() => ignores.call(template, tokenizer));
      maker.check("ignores()", found, listOf(oneOfNames(...MESSAGE_PARTS)));
      return found;
    }),
    readsVariable: readsVariable && ((tokenizer, name) => {
      const found = maker.run(() => readsVariable.call(template, tokenizer, name));
      maker.check("readsVariable()", found, flag);
      return found;
    }),
  });
}
