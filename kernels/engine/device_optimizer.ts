/**
 * AdamW on the device: parameters, gradients and moments stay there, only the norm comes back, and nothing need wait for it. Tensors of a block are one
 * program, shared by all blocks with the same tensors; its results take the place of what it read: on WebGPU in the same memory, elsewhere memory is one
 * block's more than parameters, gradients and two moments.
 * @module
 */
import { entryOf, item, valueOf } from "../../formats/elements.ts";
import { type Backend, elements, type HostArray, type Program, type Tensor } from "../backend.ts";
import { GraphBuilder, type Value } from "../graph.ts";
import { adamwOfRank } from "../ops/adamw.ts";
import { clipHyper } from "../ops/clip_hyper.ts";
import { sumSquaresOfRank } from "../ops/sum_squares.ts";
import {
  type AdamWOptions,
  checkOptions,
  checkState,
  rateFactor,
  savedIn,
  takesWeightDecay,
} from "./adamw.ts";
import { checkMaxNorm, clipFactor, measureGradients } from "./clip.ts";
import type { NamedArrays, Optimizer } from "./optimizer.ts";

/** The tensors of a device that are trained. */
export interface DeviceTensors {
  readonly trained: ReadonlyMap<string, { shape: readonly number[]; tensor: Tensor }>;
  /** Sum of gradients; read only. */
  gradient(name: string): Tensor;
  zeroGradients(): void;
  /** Disposes the old tensor. */
  replace(name: string, tensor: Tensor): void;
}

/** Tensors that are stepped by one program; `own` is a tensor's name in it. */
interface Group {
  tensors: readonly { name: string; own: string }[];
  programs: Promise<{ squares: Program; update: Program }>;
}

/** Hyperparameters of a step, `[4]` each: of everything, and, with LoRA+ alone, of tensors that have a learning rate of their own. */
interface Hypers {
  hyper: Tensor;
  hyper_b?: Tensor;
}

/** A tensor as a program steps it: its name and shape there, whether it decays, and which of {@linkcode Hypers} it takes. */
interface Stepped {
  own: string;
  shape: readonly number[];
  decay: boolean;
  hyper: keyof Hypers;
}

/** AdamW by kernels. */
export class DeviceOptimizer implements Optimizer {
  readonly #backend: Backend;
  readonly #tensors: DeviceTensors;
  readonly #options: AdamWOptions;
  readonly #groups: readonly Group[];
  readonly #first = new Map<string, Tensor>();
  readonly #second = new Map<string, Tensor>();
  readonly #clip: Promise<Program>;
  #steps = 0;
  /** Square of the norm of the step ahead. */
  #late: Promise<HostArray> | null = null;

  /** @throws {RangeError} If an option is out of range. */
  constructor(backend: Backend, tensors: DeviceTensors, options: AdamWOptions) {
    checkOptions(options);
    this.#backend = backend;
    this.#tensors = tensors;
    this.#options = options;
    for (const [name, { shape }] of tensors.trained) {
      this.#first.set(name, backend.zeros(shape));
      this.#second.set(name, backend.zeros(shape));
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
    for (const { tensors, programs } of this.#groups) {
      const changed: Record<string, Tensor> = {}, inputs: Record<string, Tensor> = { ...hypers };
      tensors.forEach(({ name, own }) => {
        changed[`p.${own}`] = valueOf(this.#tensors.trained, name).tensor;
        changed[`m.${own}`] = valueOf(this.#first, name);
        changed[`v.${own}`] = valueOf(this.#second, name);
        inputs[`g.${own}`] = this.#tensors.gradient(name);
      });
      Object.assign(inputs, changed);
      const results = await (await programs).update.run(inputs, this.#backend.inPlace ? changed : {});
      tensors.forEach(({ name, own }) => {
        const stepped = entryOf(results, `p.${own}`);
        if (stepped !== changed[`p.${own}`]) this.#tensors.replace(name, stepped);
        for (const [moments, letter] of [[this.#first, "m"], [this.#second, "v"]] as const) {
          const old = moments.get(name), next = entryOf(results, `${letter}.${own}`);
          if (old !== next) old?.dispose();
          moments.set(name, next);
        }
      });
    }
    for (const hyper of Object.values(hypers)) hyper.dispose();
    this.#tensors.zeroGradients();
  }

  async state(): Promise<NamedArrays> {
    const moments = [...this.#tensors.trained.keys()].flatMap((name) => [
      [`exp_avg.${name}`, valueOf(this.#first, name)] as const,
      [`exp_avg_sq.${name}`, valueOf(this.#second, name)] as const,
    ]);
    const copies = moments.map(async ([name, tensor]) => {
      return [name, Float32Array.from(await this.#backend.download(tensor))] as const;
    });
    return { step: Float64Array.of(this.#steps), ...Object.fromEntries(await Promise.all(copies)) };
  }

  restore(state: Readonly<NamedArrays>): void {
    checkState(new Map([...this.#tensors.trained].map(([n, { shape }]) => [n, elements(shape)])), state);
    for (const name of this.#tensors.trained.keys()) {
      this.#backend.write(valueOf(this.#first, name), Float32Array.from(savedIn(state, `exp_avg.${name}`)));
      this.#backend.write(
        valueOf(this.#second, name),
        Float32Array.from(savedIn(state, `exp_avg_sq.${name}`)),
      );
    }
    this.#steps = item(savedIn(state, "step"), 0);
  }

  /** Sum of the squares of all gradients, `[1]`. */
  async #squares(): Promise<Tensor> {
    let total = this.#backend.zeros([1]);
    for (const { tensors, programs } of this.#groups) {
      const inputs: Record<string, Tensor> = { before: total };
      tensors.forEach(({ name, own }) => inputs[`g.${own}`] = this.#tensors.gradient(name));
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
    const gradients = [...this.#tensors.trained.keys()].map(async (name) => ({
      name,
      values: await this.#backend.download(this.#tensors.gradient(name)) as Float32Array,
    }));
    return measureGradients(await Promise.all(gradients), maxNorm);
  }

  #group(): Group[] {
    const groups = new Map<string, string[]>(), programs = new Map<string, Group["programs"]>();
    for (const name of this.#tensors.trained.keys()) {
      const block = /^.*\.layers\.\d+\./.exec(name)?.[0] ?? "";
      groups.set(block, [...groups.get(block) ?? [], name]);
    }
    return [...groups].map(([block, names]) => {
      const tensors = names.map((name) => ({ name, own: name.slice(block.length) }));
      const specs = tensors.map(({ name, own }): Stepped => ({
        own,
        shape: valueOf(this.#tensors.trained, name).shape,
        decay: takesWeightDecay(name),
        hyper: rateFactor(name, this.#options) === 1 ? "hyper" : "hyper_b",
      }));
      const key = JSON.stringify(specs), made = programs.get(key) ?? this.#compile(specs);
      programs.set(key, made);
      return { tensors, programs: made };
    });
  }

  async #compile(specs: readonly Stepped[]) {
    const { betas: [beta1, beta2], epsilon, weightDecay, ratioOfB = 1 } = this.#options;
    const squares = new GraphBuilder(), update = new GraphBuilder();
    let total = squares.input("before", [1]);
    const hyper = update.input("hyper", [4]), next: Record<string, Value> = {};
    const hypers = { hyper, hyper_b: ratioOfB === 1 ? hyper : update.input("hyper_b", [4]) };
    for (const { own, shape, decay, hyper: rate } of specs) {
      const x = squares.input(`g.${own}`, shape);
      total = squares.run(sumSquaresOfRank(shape.length), { x, before: total }).total;
      const input = (letter: string) => update.input(`${letter}.${own}`, shape);
      const attrs = { beta1, beta2, epsilon, decay: decay && weightDecay > 0 };
      const tensors = { p: input("p"), m: input("m"), v: input("v"), g: input("g"), hyper: hypers[rate] };
      const { p_next, m_next, v_next } = update.run(adamwOfRank(shape.length), tensors, attrs);
      Object.assign(next, { [`p.${own}`]: p_next, [`m.${own}`]: m_next, [`v.${own}`]: v_next });
    }
    return {
      squares: await this.#backend.compile(squares.finish({ total }), "gradient norm"),
      update: await this.#backend.compile(update.finish(next), "optimizer step"),
    };
  }
}
