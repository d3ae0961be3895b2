/**
 * AdamW on the device: parameters, gradients and moments stay there, only the norm comes back, and nothing need wait for it. Where tensors lie side by side
 * (stretches.ts) one program steps them all; elsewhere tensors of a block are one program, shared by all blocks with the same tensors. Its results take the
 * place of what it read: on WebGPU in the same memory, elsewhere memory is one block's more than parameters, gradients and two moments.
 * @module
 */
import { entryOf, item, valueOf } from "../../../formats/elements.ts";
import { type Backend, elements, type HostArray, type Program, type Tensor } from "../../backend.ts";
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import { adamwOfRank } from "../../ops/optimizer/adamw.ts";
import { clipHyper } from "../../ops/optimizer/clip_hyper.ts";
import { sumSquaresOfRank } from "../../ops/optimizer/sum_squares.ts";
import { type AdamWOptions, adamwStates, checkOptions } from "./adamw.ts";
import { checkMaxNorm, clipFactor, measureGradients } from "./clip.ts";
import type { NamedArrays, Optimizer } from "./optimizer.ts";
import type { Stretch } from "../weights/stretches.ts";
import type { SteppedTensors } from "../weights/trained_tensors.ts";
import { checkState } from "./tensor_stepper.ts";

/** Stretches that are stepped by one program; `own` is a stretch's name in it. */
interface Group {
  stretches: readonly { stretch: Stretch; own: string }[];
  programs: Promise<{ squares: Program; update: Program }>;
}

/** Hyperparameters of a step, `[4]` each: of everything, and, with LoRA+ alone, of tensors that have a learning rate of their own. */
interface Hypers {
  hyper: Tensor;
  hyper_b?: Tensor;
}

/** A stretch as a program steps it, by its name there. */
type Stepped = Pick<Stretch, "shape" | "decay" | "ownRate"> & { readonly own: string };

/** AdamW by kernels. */
export class DeviceOptimizer implements Optimizer {
  readonly #backend: Backend;
  readonly #tensors: SteppedTensors;
  readonly #options: AdamWOptions;
  readonly #groups: readonly Group[];
  readonly #first = new Map<Stretch, Tensor>();
  readonly #second = new Map<Stretch, Tensor>();
  readonly #clip: Promise<Program>;
  #steps = 0;
  /** Square of the norm of the step ahead. */
  #late: Promise<HostArray> | null = null;

  /** @throws {RangeError} If an option is out of range. */
  constructor(backend: Backend, tensors: SteppedTensors, options: AdamWOptions) {
    checkOptions(options);
    this.#backend = backend;
    this.#tensors = tensors;
    this.#options = options;
    for (const stretch of tensors.stretches) {
      for (const moments of [this.#first, this.#second]) {
        moments.set(stretch, (backend.parts ?? backend).zeros(stretch.shape));
      }
    }
    this.#groups = this.#group();
    const clip = new GraphBuilder(), total = clip.input("total", [1]), given = clip.input("given", [4]);
    this.#clip = backend.compile(
      clip.finish({ hyper: clip.run(clipHyper, { total, given }).next }),
      "clipping",
    );
  }

  async step(learningRate: number, maxNorm: number): Promise<number> {
    const { norm, factor } = await this.#measure(maxNorm);
    await this.#update(this.#hypers(learningRate, factor));
    return norm;
  }

  async stepAhead(learningRate: number, maxNorm: number): Promise<void> {
    if (this.#late) throw new Error("Cannot step ahead: the norm of the step before wasn't asked for");
    checkMaxNorm(maxNorm);
    const total = await this.#squares(), clip = await this.#clip;
    const given = this.#hypers(learningRate, maxNorm);
    const clipped: [string, Tensor][] = [];
    for (const [name, tensor] of Object.entries(given)) {
      clipped.push([name, entryOf(await clip.run({ total, given: tensor }), "hyper")]);
      tensor.dispose();
    }
    this.#late = this.#backend.download(total, true).finally(() => total.dispose());
    // Whoever asks for the norm gets the error.
    this.#late.catch(() => {});
    await this.#update(Object.fromEntries(clipped) as unknown as Hypers);
  }

  async lateNorm(): Promise<number | null> {
    const late = this.#late;
    if (!late) throw new Error("Cannot give a late norm: there was no step ahead");
    this.#late = null;
    const norm = Math.sqrt(item(await late, 0));
    if (Number.isFinite(norm)) return norm;
    this.#steps--;
    return null;
  }

  /** Hyperparameters of the next step for `adamw`; the last entry is the factor of clipping, or the norm to clip to. */
  #hypers(learningRate: number, clip: number): Hypers {
    const { betas: [beta1, beta2], weightDecay, ratioOfB = 1 } = this.#options, t = ++this.#steps;
    const of = (rate: number) =>
      this.#backend.upload(
        Float32Array.of(rate * weightDecay, rate / (1 - beta1 ** t), 1 / Math.sqrt(1 - beta2 ** t), clip),
        [4],
      );
    return { hyper: of(learningRate), ...(ratioOfB !== 1 && { hyper_b: of(ratioOfB * learningRate) }) };
  }

  /** Steps everything and zeroes gradients; disposes of `hypers`. */
  async #update(hypers: Hypers): Promise<void> {
    for (const { stretches, programs } of this.#groups) {
      const changed: Record<string, Tensor> = {}, inputs: Record<string, Tensor> = { ...hypers };
      for (const { stretch, own } of stretches) {
        const { values, gradient } = this.#tensors.ofStretch(stretch);
        changed[`p.${own}`] = values;
        changed[`m.${own}`] = valueOf(this.#first, stretch);
        changed[`v.${own}`] = valueOf(this.#second, stretch);
        inputs[`g.${own}`] = gradient;
      }
      Object.assign(inputs, changed);
      const results = await (await programs).update.run(inputs, this.#backend.inPlace ? changed : {});
      for (const { stretch, own } of stretches) {
        const stepped = entryOf(results, `p.${own}`);
        if (stepped !== changed[`p.${own}`]) this.#tensors.replace(stretch, stepped);
        for (const [moments, letter] of [[this.#first, "m"], [this.#second, "v"]] as const) {
          const old = moments.get(stretch), next = entryOf(results, `${letter}.${own}`);
          if (old !== next) old?.dispose();
          moments.set(stretch, next);
        }
      }
    }
    for (const hyper of Object.values(hypers)) hyper.dispose();
    this.#tensors.zeroGradients();
  }

  async state(): Promise<NamedArrays> {
    const copies = this.#tensors.stretches.flatMap((stretch) =>
      ([["exp_avg", this.#first], ["exp_avg_sq", this.#second]] as const).map(async ([what, moments]) =>
        (await this.#read(stretch, valueOf(moments, stretch))).map(({ name, values }) =>
          [`${what}.${name}`, values.slice()] as const
        )
      )
    );
    return {
      step: Float64Array.of(this.#steps),
      ...Object.fromEntries((await Promise.all(copies)).flat()),
    };
  }

  restore(state: Readonly<NamedArrays>): void {
    const { stretches } = this.#tensors;
    const shapes = stretches.flatMap(({ parts }) => parts.map(({ name, shape }) => [name, shape] as const));
    checkState(adamwStates, new Map(shapes), state);
    for (const stretch of stretches) {
      for (const [what, moments] of [["exp_avg", this.#first], ["exp_avg_sq", this.#second]] as const) {
        const all = new Float32Array(elements(stretch.shape));
        for (const { name, first } of stretch.parts) all.set(entryOf(state, `${what}.${name}`), first);
        this.#backend.write(valueOf(moments, stretch), all);
      }
    }
    this.#steps = item(entryOf(state, "step"), 0);
  }

  /** Values of a stretch's tensors; read, don't keep. */
  async #read({ parts }: Stretch, tensor: Tensor): Promise<{ name: string; values: Float32Array }[]> {
    const all = await this.#backend.download(tensor) as Float32Array;
    return parts.map(({ name, shape, first }) => ({
      name,
      values: all.subarray(first, first + elements(shape)),
    }));
  }

  /** Sum of the squares of all gradients, `[1]`. */
  async #squares(): Promise<Tensor> {
    let total = this.#backend.zeros([1]);
    for (const { stretches, programs } of this.#groups) {
      const inputs: Record<string, Tensor> = { before: total };
      for (const { stretch, own } of stretches) {
        inputs[`g.${own}`] = this.#tensors.ofStretch(stretch).gradient;
      }
      const next = entryOf(await (await programs).squares.run(inputs), "total");
      total.dispose();
      total = next;
    }
    return total;
  }

  async #measure(maxNorm: number): Promise<{ norm: number; factor: number }> {
    const total = await this.#squares();
    const norm = Math.sqrt(item(await this.#backend.download(total), 0));
    total.dispose();
    if (Number.isFinite(norm) && maxNorm >= 0) return { norm, factor: clipFactor(norm, maxNorm) };
    // Finds the gradient at fault; squares of finite ones may also have overflowed.
    const gradients = this.#tensors.stretches.map((stretch) =>
      this.#read(stretch, this.#tensors.ofStretch(stretch).gradient)
    );
    return measureGradients((await Promise.all(gradients)).flat(), maxNorm);
  }

  #group(): Group[] {
    const groups = new Map<string, Stretch[]>(), programs = new Map<string, Group["programs"]>();
    for (const stretch of this.#tensors.stretches) {
      const block = /^.*\.layers\.\d+\./.exec(stretch.name)?.[0] ?? "";
      groups.set(block, [...groups.get(block) ?? [], stretch]);
    }
    return [...groups].map(([block, members]) => {
      const stretches = members.map((stretch) => ({ stretch, own: stretch.name.slice(block.length) }));
      const specs = stretches.map(({ stretch: { shape, decay, ownRate }, own }): Stepped => ({
        own,
        shape,
        decay,
        ownRate,
      }));
      const key = JSON.stringify(specs), made = programs.get(key) ?? this.#compile(specs);
      programs.set(key, made);
      return { stretches, programs: made };
    });
  }

  async #compile(specs: readonly Stepped[]) {
    const { squares, update } = stepGraphs(specs, this.#options);
    return {
      squares: await this.#backend.compile(squares, "gradient norm"),
      update: await this.#backend.compile(update, "optimizer step"),
    };
  }
}

/** What a step computes: `total` of `before` and the squares of all `g.`, and `p.`, `m.` and `v.` of each stretch by them, `g.` and `hyper`. */
export function stepGraphs(
  specs: readonly Stepped[],
  { betas: [beta1, beta2], epsilon, weightDecay, ratioOfB = 1 }: AdamWOptions,
): { squares: Graph; update: Graph } {
  const squares = new GraphBuilder(), update = new GraphBuilder();
  let total = squares.input("before", [1]);
  const hyper = update.input("hyper", [4]), next: Record<string, Value> = {};
  const ownHyper = ratioOfB === 1 ? hyper : update.input("hyper_b", [4]);
  for (const { own, shape, decay, ownRate } of specs) {
    const x = squares.input(`g.${own}`, shape);
    total = squares.run(sumSquaresOfRank(shape.length), { x, before: total }).total;
    const input = (letter: string) => update.input(`${letter}.${own}`, shape);
    const attrs = { beta1, beta2, epsilon, decay: decay && weightDecay > 0 };
    const tensors = {
      p: input("p"),
      m: input("m"),
      v: input("v"),
      g: input("g"),
      hyper: ownRate ? ownHyper : hyper,
    };
    const { p_next, m_next, v_next } = update.run(adamwOfRank(shape.length), tensors, attrs);
    Object.assign(next, { [`p.${own}`]: p_next, [`m.${own}`]: m_next, [`v.${own}`]: v_next });
  }
  return { squares: squares.finish({ total }), update: update.finish(next) };
}
