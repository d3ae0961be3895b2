/**
 * Checks of a model family of one's own: what its config.json means has to be a decoder.
 * @module
 */
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { ModelFamily } from "../model.ts";
import { frozenCopy } from "./frozen.ts";
import { onlyFields } from "./fields_only.ts";
import { type Maker, replacing } from "./maker.ts";
import { aFunction, fields, flag, needed, words } from "./schemas.ts";

const whole = (v: unknown) => Number.isSafeInteger(v) && (v as number) >= 1;
const count = needed("a whole number >= 1", whole);

const isPositive = (v: unknown) => typeof v === "number" && v > 0 && v < Infinity;
const positiveOrNothing = needed("a number > 0, or nothing,", (v) => v === undefined || isPositive(v));

const flagOrNothing = needed("true, false, or nothing,", (v) => v === undefined || typeof v === "boolean");

const isFrequencies = (v: unknown) => v instanceof Float64Array && v.every(Number.isFinite);

function isRotation(v: unknown): boolean {
  const { inverseFrequencies, attentionFactor } = (v ?? {}) as Record<string, unknown>;
  return isFrequencies(inverseFrequencies) && (attentionFactor === undefined || isPositive(attentionFactor));
}

const oneOfOrNothing = (values: readonly string[]) =>
  needed(
    `one of ${values.join(", ")}, or nothing,`,
    (v) => v === undefined || values.some((value) => value === v),
  );

const decoder = onlyFields(
  {
    modelType: words,
    hiddenSize: count,
    intermediateSize: count,
    numLayers: count,
    numHeads: count,
    numKeyValueHeads: count,
    headDim: needed("an even number >= 2", (v) => whole(v) && (v as number) % 2 === 0),
    vocabSize: count,
    rmsNormEps: needed("a number > 0", (v) => typeof v === "number" && v > 0 && v < Infinity),
    inverseFrequencies: needed("a Float64Array of finite numbers", isFrequencies),
    attentionFactor: positiveOrNothing,
    windowRotation: needed(
      "an object with inverseFrequencies (a Float64Array of finite numbers) and attentionFactor (a number > 0, or nothing), or nothing,",
      (v) => v === undefined || isRotation(v),
    ),
    rotatedLayers: needed(
      "a list of true or false, or nothing,",
      (v) => v === undefined || Array.isArray(v) && v.every((rotates) => typeof rotates === "boolean"),
    ),
    rotatesPairs: flagOrNothing,
    rotaryLimit: positiveOrNothing,
    embeddingScale: positiveOrNothing,
    noiseBehindScale: flagOrNothing,
    attentionScale: positiveOrNothing,
    scoreCap: positiveOrNothing,
    residualScale: positiveOrNothing,
    logitScale: positiveOrNothing,
    logitCap: positiveOrNothing,
    fusedProjections: needed(
      'true, false, "mlp", or nothing,',
      (v) => v === undefined || typeof v === "boolean" || v === "mlp",
    ),
    qkvBias: flag,
    outputBias: flag,
    mlpBias: flag,
    qkNorm: flag,
    qkNormWhole: flagOrNothing,
    qkNormBehind: flagOrNothing,
    normPlaces: oneOfOrNothing(["before", "after", "both", "both_glm4"]),
    normOffset: needed("a finite number, or nothing,", (v) => v === undefined || Number.isFinite(v)),
    gateActivation: oneOfOrNothing(["silu", "gelu_tanh"]),
    slidingWindow: needed(
      "a list of whole numbers >= 1 or null",
      (v) => Array.isArray(v) && v.every((n) => n === null || whole(n)),
    ),
    tieWordEmbeddings: flag,
    maxPositionEmbeddings: count,
    eosTokenIds: needed(
      "a list of token ids (whole numbers >= 0)",
      (v) => Array.isArray(v) && v.every((id) => Number.isSafeInteger(id) && id >= 0),
    ),
    moduleRoot: needed("a text, or nothing,", (v) => v === undefined || typeof v === "string"),
  } satisfies Record<keyof DecoderConfig, unknown>,
);

/** A family: its decoder has every field, and sizes that fit together. A RangeError is its word on a config.json, and stays. */
export function checkedModel(family: ModelFamily, maker: Maker): ModelFamily {
  maker.checkMade(
    family,
    fields({
      modelType: needed(
        `the plugin's name, "${maker.name}", by which a config.json's model_type finds it,`,
        (v) => v === maker.name,
      ),
      parse: aFunction,
    }),
  );
  return replacing(family, {
    parse(config, file) {
      const found = maker.objecting(() => family.parse(frozenCopy(config), file));
      const input = file === undefined ? "" : ` of ${file}`;
      maker.check("parse()", found, decoder, input);
      const { numHeads, numKeyValueHeads, headDim, inverseFrequencies, slidingWindow, numLayers } = found;
      const rotated = found.rotatedLayers ?? slidingWindow;
      const fit = (part: string, value: number, need: string, fits: boolean) => {
        if (!fits) {
          maker.refuse(`Cannot use parse().${part}${input} as ${need} is needed: current value is ${value}`);
        }
      };
      fit(
        "numKeyValueHeads",
        numKeyValueHeads,
        `a divisor of numHeads (${numHeads})`,
        numHeads % numKeyValueHeads === 0,
      );
      fit(
        "inverseFrequencies.length",
        inverseFrequencies.length,
        `1 to headDim / 2 (${headDim / 2})`,
        inverseFrequencies.length >= 1 && inverseFrequencies.length <= headDim / 2,
      );
      const ofWindows = found.windowRotation?.inverseFrequencies.length ?? inverseFrequencies.length;
      fit(
        "windowRotation.inverseFrequencies.length",
        ofWindows,
        `that of inverseFrequencies (${inverseFrequencies.length})`,
        ofWindows === inverseFrequencies.length,
      );
      fit(
        "slidingWindow.length",
        slidingWindow.length,
        `numLayers (${numLayers})`,
        slidingWindow.length === numLayers,
      );
      fit("rotatedLayers.length", rotated.length, `numLayers (${numLayers})`, rotated.length === numLayers);
      return found;
    },
  });
}
