/**
 * Operators of kernels/native that read or write the same rows as one: a sum within the operator that makes one of its terms, SwiGLU or GeGLU
 * that is made again within its gradient, products of the same rows. By their nodes, since no other place has such operators.
 * @module
 */
import type onnxProto from "onnx-proto";

import { NATIVE_DOMAIN } from "../../native/mod.ts";
import { ATTRIBUTE } from "./proto.ts";

/** Products that are one, at most: MAX_PRODUCTS of kernels/native/src/float_product.h. */
const MOST = 3;

type Node = onnxProto.onnx.INodeProto;

/** Nodes in an order in which each stands behind those that it reads, and how often each value is read, by nodes and as an output. */
interface Place {
  nodes: readonly Node[];
  reads: ReadonlyMap<string, number>;
}

/** What takes the place of some nodes: it stands where the last of those stood whose outputs it reads. */
interface Merge {
  made: Node;
  gone: readonly Node[];
}

/**
 * Merges what can be; names of values stay.
 * @param nodes Each behind those that it reads.
 * @param outputs Names of values that are wanted beside what nodes read.
 */
export function mergeNative(nodes: readonly Node[], outputs: readonly string[]): Node[] {
  let merged = [...nodes];
  for (const find of [sums, gates, productsOf("LoraProduct"), productsOf("Product")]) {
    const reads = new Map<string, number>();
    for (const name of [...merged.flatMap(inputsOf), ...outputs]) reads.set(name, (reads.get(name) ?? 0) + 1);
    for (const merge of find({ nodes: merged, reads })) merged = put(merged, merge);
  }
  return merged;
}

/** The merged node where the last of its inputs has been made, if all that reads its outputs stands behind that; else the nodes as they are. */
function put(nodes: Node[], { made, gone }: Merge): Node[] {
  if (!gone.every((node) => nodes.includes(node))) return nodes;
  const rest = nodes.filter((node) => !gone.includes(node));
  const needed = new Set(made.input), given = new Set(made.output);
  const at = rest.findLastIndex(({ output }) => output?.some((name) => needed.has(name))) + 1;
  const early = rest.slice(0, at).some((node) => inputsOf(node).some((name) => given.has(name)));
  return early ? nodes : [...rest.slice(0, at), made, ...rest.slice(at)];
}

/** Names that a node reads, those of its branches' nodes among them. */
function inputsOf(node: Node): string[] {
  const inner = (node.attribute ?? []).flatMap(({ g }) => (g?.node ?? []).flatMap(inputsOf));
  return [...node.input ?? [], ...inner].filter((name) => name !== "");
}

function isNative({ domain, opType }: Node, op: string): boolean {
  return domain === NATIVE_DOMAIN && opType === op;
}

/** Inputs with their places, of nodes that have so many; "" where there is none. */
function inputAt({ input }: Node, place: number): string {
  return input?.[place] ?? "";
}

function outputAt({ output }: Node, place = 0): string {
  return output?.[place] ?? "";
}

/** Operators whose last input is a base that their first output begins with, and inputs that they have with it. */
const WITH_BASE = { LoraProduct: 5, Product: 3, RmsNormGrad: 4 } as const;

/** The kernel `add`, whose terms are of one shape, of what such an operator gives to it alone. */
function sums({ nodes, reads }: Place): Merge[] {
  return nodes.flatMap((add) => {
    if (add.opType !== "Add" || !add.name?.startsWith("add#")) return [];
    for (const [term, base] of [[1, 0], [0, 1]] as const) {
      const value = inputAt(add, term), maker = nodes.find((node) => outputAt(node) === value);
      const count = maker?.domain === NATIVE_DOMAIN && WITH_BASE[maker.opType as keyof typeof WITH_BASE];
      if (!maker || !count || maker.input?.length !== count - 1 || reads.get(value) !== 1) continue;
      const made = {
        ...maker,
        input: [...maker.input, inputAt(add, base)],
        output: [outputAt(add), ...maker.output?.slice(1) ?? []],
      };
      return [{ made, gone: [maker, add] }];
    }
    return [];
  });
}

/** SwigluGrad or GegluGrad, and what Swiglu or Geglu gives of the same gate and rows. */
function gates({ nodes }: Place): Merge[] {
  return ["Swiglu", "Geglu"].flatMap((op) =>
    nodes.filter((node) => isNative(node, `${op}Grad`)).flatMap((grad) => {
      const forward = nodes.find((n) =>
        isNative(n, op) && n.input?.every((name, i) => name === inputAt(grad, i))
      );
      if (!forward) return [];
      const made = { ...grad, opType: `${op}Twice`, output: [...grad.output ?? [], outputAt(forward)] };
      return [{ made, gone: [grad, forward] }];
    })
  );
}

/** Products of which some of one first factor can be one: how those are named, and the attribute of each that they keep. */
const TOGETHER = {
  Product: { name: "Product", plain: ["alpha"], kept: null },
  LoraProduct: { name: "Lora", plain: ["down_alpha"], kept: "up_alpha" },
} as const;

/** Two and three products of the same rows with weights that have their columns as rows, without a base. */
function productsOf(op: keyof typeof TOGETHER): (place: Place) => Merge[] {
  const { name, plain, kept } = TOGETHER[op];
  return ({ nodes }) => {
    const products = nodes.filter((node) =>
      isNative(node, op) && node.input?.length === WITH_BASE[op] - 1 &&
      attribute(node, "transposed")?.i === 1 &&
      plain.every((factor) => attribute(node, factor)?.f === 1)
    );
    return [...new Set(products.map((node) => inputAt(node, 0)))].flatMap((rows) => {
      const gone = products.filter((node) => inputAt(node, 0) === rows).slice(0, MOST), [first] = gone;
      if (!first || gone.length < 2) return [];
      const factors = Array.from({ length: kept ? MOST : 0 }, (_, i) => ({
        name: `${kept}${i}`,
        type: ATTRIBUTE.FLOAT,
        f: (gone[i] && attribute(gone[i], kept ?? "")?.f) ?? 1,
      }));
      const made = {
        ...first,
        opType: `${name}${gone.length === 2 ? "Pair" : "Triple"}`,
        input: [rows, ...gone.flatMap(({ input }) => input?.slice(1) ?? [])],
        output: gone.flatMap(({ output }) => output ?? []),
        attribute: [{ name: "transposed", type: ATTRIBUTE.INT, i: 1 }, ...factors],
      };
      return [{ made, gone }];
    });
  };
}

function attribute({ attribute }: Node, wanted: string) {
  return attribute?.find(({ name }) => name === wanted);
}
