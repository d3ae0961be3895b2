/**
 * The value head of reward models: a number for a token, from its hidden state behind the final norm, and the way back. What
 * training drops of that state is a function of seed, number and place, as for adapters.
 * @module
 */
import { entryOf } from "../../../formats/elements.ts";
import { VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from "../../../formats/value_head/value_head.ts";
import type { Backend, Tensor } from "../../backend.ts";
import { dropoutMask, stream } from "../../random/counter.ts";
import { disposeAll, lowestTrained, takeKept } from "../body/body.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import type { ValueHeadInput } from "../decoder/value_head_graph.ts";
import { paddedLabels } from "../packs/padding.ts";
import { accumulate, runProgram } from "../programs/compiled.ts";
import type { Programs } from "../programs/programs.ts";
import type { Parameters } from "../weights/parameters.ts";
import { DEVICE_LABELS, NORM, resized } from "./head.ts";
import type { HeadLabels, HeadPass, OutputHead, RowsOfLabels } from "./output_head.ts";

const STREAM = stream("v_head.dropout");

/** What a forward pass keeps for its way back. */
interface KeptPass {
  x: Tensor;
  /** `rows`, and `mask` where something was dropped. */
  given: Record<string, Tensor>;
  /** Values with those that fill up a length. */
  size: number;
}

/** Final norm and value head. */
export class ValueHead implements OutputHead {
  readonly #kept: KeptPass[] = [];
  /** The names of trained tensors by the graph's inputs. */
  readonly #trained: Readonly<Record<string, string>>;
  readonly #wanted: readonly ValueHeadInput[];
  readonly #width: number;

  /** @param parts `dropout`: rate in [0, 1); `seed` of its masks. */
  constructor(
    readonly backend: Backend,
    config: DecoderConfig,
    readonly parts: { parameters: Parameters; programs: Programs; dropout: number; seed: number },
  ) {
    const { parameters } = parts;
    const body = lowestTrained(parameters.trained.keys(), config.numLayers) < config.numLayers;
    this.#width = config.hiddenSize;
    this.#trained = {
      ...parameters.isTrained(NORM) && { norm: NORM },
      weight: VALUE_HEAD_WEIGHT,
      bias: VALUE_HEAD_BIAS,
    };
    this.#wanted = [
      ...body ? ["x" as const] : [],
      ...parameters.isTrained(NORM) ? ["norm" as const] : [],
      "weight",
    ];
  }

  /**
   * Hands the head over; what it gives is called once and waits for the value of every labelled row, `[L]`.
   * @throws {TypeError} If `best` or a measure is asked for, which are about tokens
   */
  async forward(
    { labelRows }: HeadLabels,
    { x }: RowsOfLabels,
    { adapter = true, keep, best = false, measure, dropoutStep }: HeadPass,
  ): Promise<() => Promise<Float64Array>> {
    if (measure) {
      throw new TypeError("Cannot measure distributions over tokens: a value head gives numbers, not tokens");
    }
    if (best) throw new TypeError("Cannot mark the likeliest tokens: a value head gives numbers, not tokens");
    const { backend, parts: { programs } } = this, count = labelRows.length;
    const size = backend.fewSizes ? paddedCount(count) : count;
    const mask = dropoutStep === undefined ? null : this.#mask(size, dropoutStep);
    const rows = backend.upload(resized(labelRows, size), [size]);
    const given = { rows, ...(mask && { mask }) };
    const outputs = await runProgram(await programs.valueHead(mask !== null), {
      x,
      ...this.#weights(adapter),
      ...given,
    });
    const values = entryOf(outputs, "value");
    if (keep) this.#kept.push({ x, given, size });
    else disposeAll(given);
    return async () => {
      const read = Float64Array.from((await backend.download(values)).subarray(0, count));
      values.dispose();
      return read;
    };
  }

  /** Gradient of what the forward pass that is kept longest was given, zeros where nothing below is trained; adds to the head's own gradients. */
  async backward(weights: Float64Array): Promise<Tensor> {
    const { backend, parts: { parameters, programs } } = this, { x, given, size } = takeKept(this.#kept);
    const slopes = new Float32Array(size);
    slopes.set(weights);
    const sum = weights.reduce((a, b) => a + b, 0);
    const inputs = {
      ...given,
      "d.value": backend.upload(slopes, [size, 1]),
      slopes: backend.upload(Float32Array.of(sum), [1]),
    };
    const result = await accumulate(
      parameters,
      await programs.valueHeadBackward(this.#wanted, "mask" in given),
      this.#trained,
      { x, ...this.#weights(true), ...inputs },
    );
    const dx = result["d.x"] ?? backend.zeros(x.shape);
    disposeAll({ x, ...inputs });
    return dx;
  }

  /** Drops what forward passes kept. */
  discard(): void {
    for (const { x, given } of this.#kept.splice(0)) disposeAll({ x, ...given });
  }

  #weights(adapter: boolean): Record<"norm" | "weight" | "bias", Tensor> {
    const { parameters } = this.parts;
    return {
      norm: parameters.get(NORM, adapter),
      weight: parameters.get(VALUE_HEAD_WEIGHT),
      bias: parameters.get(VALUE_HEAD_BIAS),
    };
  }

  /** `[size, D]`, 0 or 1 / (1 − rate); null where nothing is dropped. */
  #mask(size: number, step: number): Tensor | null {
    const { dropout, seed } = this.parts;
    if (dropout === 0) return null;
    const mask = new Float32Array(size * this.#width);
    dropoutMask(mask, dropout, { seed, of: STREAM, step });
    return this.backend.upload(mask, [size, this.#width]);
  }
}

/** Values filled up to one of few counts. */
function paddedCount(count: number): number {
  return count > DEVICE_LABELS
    ? Math.ceil(count / DEVICE_LABELS) * DEVICE_LABELS
    : paddedLabels(count, DEVICE_LABELS);
}
