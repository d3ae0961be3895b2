/**
 * The engine's programs, compiled when first needed: one per shape class, shared by all layers of that class.
 * @module
 */
import { differentiate, type Keep } from "../../autodiff.ts";
import type { Backend, CompileOptions, Tensor } from "../../backend.ts";
import type { Graph } from "../../graph.ts";
import { accumulating, type Compiled, compileGraph } from "./compiled.ts";
import { blockGraph } from "../decoder/block_graph.ts";
import { type BlockLora, type BlockPacking, embedGraph } from "../decoder/decoder.ts";
import type { DecoderConfig, LayerAttention } from "../decoder/decoder_config.ts";
import type { LabelMeasure } from "../forward.ts";
import { headBackwardGraph, headGraph, type LabelSmoothing, meanRowGraph } from "../decoder/head_graph.ts";
import { valueHeadBackwardGraph, valueHeadGraph, type ValueHeadInput } from "../decoder/value_head_graph.ts";

/** A forward program and its way back. Values kept for it are outputs `saved.N` of the one and inputs of the other. */
export interface CompiledPair {
  forward: Compiled;
  backward: Compiled;
}

/** Properties that decide a block's program; equal ones share it. */
export interface BlockClass {
  attention: LayerAttention;
  lora: BlockLora;
  dropout: boolean;
  /** Weights in few bits. */
  packing: BlockPacking;
  /** True if its output is wanted for some rows only. */
  some: boolean;
  /** Names of inputs that are trained, in the block's own naming. */
  trained: readonly string[];
  /** True if the gradient of its input is wanted. */
  below: boolean;
}

/** A head that is asked for. */
export interface WantedHead {
  /** With what its way back needs. */
  keep: boolean;
  /** Its weights when they stay the same; null when they are trained. */
  frozen: Readonly<Record<string, Tensor>> | null;
  /** ε of its labels; 0: none. */
  smoothing: number;
  /** With a mark on labels that no token is likelier than; not with `keep`. */
  best: boolean;
  /** With a measure of each label's distribution; null: none. */
  measure: LabelMeasure | null;
}

/** A program that is being compiled, by a name for a person, and whether it is done. */
export type OnCompile = (what: string, done: boolean) => void;

/** How programs are made. */
export interface ProgramSettings {
  /** What a block keeps for its way back. */
  keep: Keep;
  /** True if weights that stay the same are constants of the programs that take them all. Default false. */
  constants?: boolean;
  /** Called before and after a program is compiled. */
  onCompile?: OnCompile | undefined;
}

/** Compiles and keeps programs. */
export class Programs {
  readonly keep: Keep;
  readonly constants: boolean;
  readonly onCompile: OnCompile;
  readonly #cache = new Map<string, Promise<Compiled>>();

  constructor(readonly backend: Backend, readonly config: DecoderConfig, settings: ProgramSettings) {
    this.keep = settings.keep;
    this.constants = settings.constants ?? false;
    this.onCompile = settings.onCompile ?? (() => {});
  }

  /** @param noisy With noise on what is looked up. */
  embed(noisy = false): Promise<Compiled> {
    return this.#get(noisy ? "embed noisy" : "embed", () => embedGraph(this.config, noisy));
  }

  /** Embedding backward: adds to the table's gradient. */
  embedBackward(): Promise<Compiled> {
    return this.#get(
      "embed.backward",
      () => accumulating(differentiate(embedGraph(this.config), ["x"], ["w"], "inputs").backward, ["w"]),
    );
  }

  /** A block alone, nothing kept. */
  block(blockClass: BlockClass): Promise<Compiled> {
    return this.#get(
      `${partOf(blockClass)} ${key(blockClass).forward}`,
      () => graphOf(this.config, blockClass),
    );
  }

  /** A block for training: forward with what is kept, and backward. */
  async blockPair(blockClass: BlockClass): Promise<CompiledPair> {
    const graphs = () => {
      const graph = graphOf(this.config, blockClass);
      // Its backward pass comes next: what is kept takes the memory that computing it again would.
      const keep = blockClass.some && this.keep === "dear" ? "activations" : this.keep;
      const pair = differentiate(
        graph,
        ["y"],
        [...blockClass.below ? ["x"] : [], ...blockClass.trained],
        keep,
      );
      return { forward: pair.forward, backward: accumulating(pair.backward, blockClass.trained) };
    };
    const part = partOf(blockClass), id = key(blockClass).pair;
    const keepsNothing = this.keep === "inputs" && !Object.values(blockClass.lora).some(({ dora }) => dora);
    const forward = keepsNothing
      ? this.block(blockClass)
      : this.#get(`${part} forward ${id}`, () => graphs().forward);
    return {
      forward: await forward,
      backward: await this.#get(`${part} backward ${id}`, () => graphs().backward),
    };
  }

  /**
   * All blocks as one program, `y` and, as optional outputs, gradients.
   * @param constant Tensor of an input that stays the same, else null.
   */
  stack(graph: () => Graph, constant: (name: string) => Tensor | null): Promise<Compiled> {
    return this.#get("stack", graph, ({ inputs, outputs }) => ({
      constants: Object.fromEntries(
        Object.keys(inputs).flatMap((name) => {
          const tensor = constant(name);
          return tensor ? [[name, tensor]] : [];
        }),
      ),
      optional: Object.keys(outputs).filter((name) => name !== "y"),
    }));
  }

  /** The head. */
  head({ keep, frozen, smoothing, best, measure }: WantedHead): Promise<Compiled> {
    // As constants the weights would stand in both programs, so one serves both passes.
    const constants = this.constants ? frozen : null;
    const unit = frozen !== null && !best && (keep || constants !== null);
    const wishes = { smoothing: smoothed(smoothing, frozen === null), best, measure };
    return this.#get(
      `head ${unit} ${smoothing} ${best} ${measure}`,
      () => headGraph(this.config, unit, wishes),
      () => constants ? { constants } : {},
    );
  }

  /** The frozen head's way back, perhaps of a divergence as well; with `norm` the gradient of its norm is added to what was there. */
  headBackward(norm = false, measured = false): Promise<Compiled> {
    return this.#get(
      `head.backward ${norm} ${measured}`,
      () => accumulating(headBackwardGraph(this.config, norm, measured), norm ? ["norm"] : []),
    );
  }

  /** The value head; `dropped`: with a mask. */
  valueHead(dropped: boolean): Promise<Compiled> {
    return this.#get(`head value ${dropped}`, () => valueHeadGraph(this.config, dropped));
  }

  /** The value head's way back: gradients of `wanted` and the bias, all but those of the rows `x` added to what was there. */
  valueHeadBackward(wanted: readonly ValueHeadInput[], dropped: boolean): Promise<Compiled> {
    return this.#get(`head.backward value ${dropped} ${wanted}`, () =>
      accumulating(
        valueHeadBackwardGraph(this.config, wanted, dropped),
        [...wanted.filter((name) => name !== "x"), "bias"],
      ));
  }

  /** The mean row of a frozen vocabulary. */
  meanRow(): Promise<Compiled> {
    return this.#get("head.mean", () => meanRowGraph(this.config));
  }

  /**
   * The trained head's way back: gradients of `wanted`, the matrix `w` and perhaps the rows `x` and the weights of the norm, are all added to
   * what was there.
   * @param measured Of a divergence as well
   */
  trainedHeadBackward(
    wanted: readonly ("x" | "norm" | "w")[],
    smoothing = 0,
    measured = false,
  ): Promise<Compiled> {
    return this.#get(`head.trained ${smoothing} ${wanted} ${measured}`, () => {
      const names = [...wanted], measure = measured ? "divergence" : null;
      const graph = headGraph(this.config, false, { smoothing: smoothed(smoothing, true), measure });
      return accumulating(
        differentiate(graph, ["logp", ...measured ? ["measure"] : []], names, "inputs").backward,
        names,
      );
    });
  }

  async dispose(): Promise<void> {
    for (const compiled of this.#cache.values()) await (await compiled).program.dispose();
    this.#cache.clear();
  }

  #get(
    name: string,
    graph: () => Graph,
    optionsFor: (graph: Graph) => CompileOptions = () => ({}),
  ): Promise<Compiled> {
    let compiled = this.#cache.get(name);
    if (!compiled) {
      const [part = name, way] = name.split(/[ .]/), whole = PARTS[part] ?? part;
      const what = way === "backward" || way === "trained" ? `${whole}'s gradients` : whole;
      this.onCompile(what, false);
      const made = graph();
      compiled = compileGraph(this.backend, made, name, optionsFor(made));
      this.#cache.set(name, compiled);
      void compiled.then(() => this.onCompile(what, true), () => {});
    }
    return compiled;
  }
}

/** By the first word of a program's name. */
const PARTS: Readonly<Record<string, string>> = {
  embed: "the embedding",
  block: "a block",
  last: "the last block",
  stack: "all blocks and their gradients",
  head: "the head",
};

function smoothed(amount: number, isTrained: boolean): LabelSmoothing | null {
  return amount === 0 ? null : { amount, mean: isTrained ? "graph" : "input" };
}

function graphOf(config: DecoderConfig, { attention, lora, ...inputs }: BlockClass): Graph {
  return blockGraph(config, attention, lora, inputs);
}

/** First word of a block's programs. */
function partOf({ some }: BlockClass): "last" | "block" {
  return some ? "last" : "block";
}

/** Names of a class's programs: a block alone is the same whatever is trained. */
interface BlockKey {
  forward: string;
  pair: string;
}

const keys = new WeakMap<BlockClass, BlockKey>();

function key(blockClass: BlockClass): BlockKey {
  const known = keys.get(blockClass) ?? keyOf(blockClass);
  keys.set(blockClass, known);
  return known;
}

function keyOf({ attention, lora, dropout, packing, some, trained, below }: BlockClass): BlockKey {
  const graph = [attention, lora, dropout, packing, some];
  return { forward: JSON.stringify(graph), pair: JSON.stringify([...graph, trained, below]) };
}
