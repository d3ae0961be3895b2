/**
 * Prefix-tree packing (docs/architecture.md, idea 2): the sequences of some examples in one row without padding, every shared
 * prefix once. Exact: each label's log-probability is that of its sequence alone.
 *
 * Only rows that something is read from are laid out: what stands behind a sequence's last label is left out. Of a sequence whose measure is a value all
 * tokens are, and the row of the last one has its only label, of no token.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { EncodedExample } from "./encoded.ts";

/** One sequence inside a pack. */
export interface PackedSequence {
  /** Position of the example among those packed. */
  example: number;
  name: string;
  /** Labelled tokens, > 0; 1 of a sequence whose measure is a value. */
  length: number;
  /** Tokens of the sequence, prompt included: real tokens, as others count them. */
  tokens: number;
}

/** One row of T tokens. */
export interface Pack {
  /** Token ids, `[T]`. */
  ids: Int32Array<ArrayBuffer>;
  /** First index behind a token's subtree, `[T]`. */
  until: Int32Array<ArrayBuffer>;
  /** Depth in the tree = position, `[T]`. */
  positions: Int32Array<ArrayBuffer>;
  /** Row that label l is predicted from, or whose value it is, `[L]`, ascending. */
  labelRows: Int32Array<ArrayBuffer>;
  /** Token id of label l, `[L]`; 0 of a value. */
  labelIds: Int32Array<ArrayBuffer>;
  /** Sequences that label l belongs to: `owners[ownerStart[l] … ownerStart[l + 1] − 1]`. */
  ownerStart: Int32Array<ArrayBuffer>;
  owners: Int32Array<ArrayBuffer>;
  sequences: PackedSequence[];
}

/** Node of the tree while it grows. */
interface TreeNode {
  id: number;
  children: Map<number, TreeNode>;
  /** Label → sequences that have it next. */
  labels: Map<number, number[]>;
}

const IGNORE = -100;
/** Label of a row whose value is read. */
const NO_TOKEN = 0;

/** Rows that an example takes: tokens of its tree that something is predicted from. */
export function exampleRows(example: EncodedExample): number {
  return packExamples([example]).ids.length;
}

/** Pairs of tokens that see each other in an example's tree, itself included: the work of attention. */
export function examplePairs(example: EncodedExample): number {
  return visiblePairs(packExamples([example]), null);
}

/** Pairs of a pack's rows that see each other. @param window Rows seen back, itself included; null: all. */
export function visiblePairs(
  { until, positions }: Pick<Pack, "until" | "positions">,
  window: number | null,
): number {
  if (window === null) return until.reduce((sum, end, key) => sum + end - key, 0);
  let pairs = 0;
  until.forEach((end, key) => {
    for (let row = key; row < end; row++) if (item(positions, row) - item(positions, key) < window) pairs++;
  });
  return pairs;
}

/** How {@linkcode packExamples} lays examples out. */
export interface PackLayout {
  /**
   * What examples begin with alike, a template's system prompt say, is laid out once for all. Where a device draws numbers for rows (dropout)
   * they would be the same for all, and replicas get whole trees: then each example is its own tree, which is the default.
   */
  shared?: boolean;
}

/**
 * Lays examples out in one row, each its own tree or all in one.
 * A label on a sequence's first token is passed over, since nothing precedes it (transformers' shift does the same).
 * A label may differ from its token (templates that learn an end token in another's place).
 * @throws {RangeError} If a sequence has no other label.
 */
export function packExamples(
  examples: readonly EncodedExample[],
  { shared = false }: PackLayout = {},
): Pack {
  const sequences: PackedSequence[] = [];
  const roots: TreeNode[] = [];
  examples.forEach((example, index) => {
    const last = roots.at(-1), root = shared && last ? last : makeNode(-1);
    for (const { name, input_ids, labels, measure } of example.sequences) {
      const where = `sequence "${name}" of ${example.source.file} row ${example.source.row}`;
      const length = measure === "value"
        ? insertWhole(root, input_ids, sequences.length, where)
        : insert(root, { ids: input_ids, labels }, sequences.length, where);
      sequences.push({ example: index, name, length, tokens: input_ids.length });
    }
    if (root !== last) roots.push(root);
  });
  return layOut(roots, sequences);
}

function makeNode(id: number): TreeNode {
  return { id, children: new Map(), labels: new Map() };
}

/** Adds a sequence to a tree; returns its number of labels. */
function insert(
  root: TreeNode,
  { ids, labels }: { ids: ArrayLike<number>; labels: ArrayLike<number> },
  sequence: number,
  where: string,
): number {
  let last = ids.length - 1;
  while (last > 0 && labels[last] === IGNORE) last--;
  if (last < 1) throw new RangeError(`Cannot pack ${where}: it has no label, so nothing would be learnt`);
  let node = root, count = 0;
  for (let i = 0; i <= last; i++) {
    const label = item(labels, i);
    if (i > 0 && label !== IGNORE) {
      addLabel(node, label, sequence);
      count++;
    }
    if (i < last) node = childOf(node, item(ids, i));
  }
  return count;
}

/** Adds all of a sequence, its last token labelled; returns 1. */
function insertWhole(root: TreeNode, ids: ArrayLike<number>, sequence: number, where: string): number {
  if (ids.length === 0) throw new RangeError(`Cannot pack ${where}: it has no token, so nothing has a value`);
  let node = root;
  for (let i = 0; i < ids.length; i++) node = childOf(node, item(ids, i));
  addLabel(node, NO_TOKEN, sequence);
  return 1;
}

function childOf(node: TreeNode, id: number): TreeNode {
  let child = node.children.get(id);
  if (!child) node.children.set(id, child = makeNode(id));
  return child;
}

function addLabel(node: TreeNode, label: number, sequence: number): void {
  const owners = node.labels.get(label);
  if (owners) owners.push(sequence);
  else node.labels.set(label, [sequence]);
}

function layOut(roots: readonly TreeNode[], sequences: PackedSequence[]): Pack {
  const ids: number[] = [], until: number[] = [], positions: number[] = [];
  const labelRows: number[] = [], labelIds: number[] = [], ownerStart: number[] = [0], owners: number[] = [];
  // An explicit stack: a row may be tens of thousands of tokens deep. `close` marks the way back up.
  for (const root of roots) {
    const stack: { node: TreeNode; depth: number; close: number }[] = [];
    const descend = (node: TreeNode, depth: number) => {
      for (const child of [...node.children.values()].reverse()) {
        stack.push({ node: child, depth, close: -1 });
      }
    };
    descend(root, 0);
    for (let entry = stack.pop(); entry; entry = stack.pop()) {
      if (entry.close >= 0) {
        until[entry.close] = ids.length;
        continue;
      }
      const row = ids.length;
      ids.push(entry.node.id);
      until.push(0);
      positions.push(entry.depth);
      for (const [id, own] of entry.node.labels) {
        labelRows.push(row);
        labelIds.push(id);
        owners.push(...own);
        ownerStart.push(owners.length);
      }
      stack.push({ node: entry.node, depth: entry.depth, close: row });
      descend(entry.node, entry.depth + 1);
    }
  }
  const int = (list: number[]) => Int32Array.from(list);
  return {
    ids: int(ids),
    until: int(until),
    positions: int(positions),
    labelRows: int(labelRows),
    labelIds: int(labelIds),
    ownerStart: int(ownerStart),
    owners: int(owners),
    sequences,
  };
}

/**
 * Numbers of items shared out over bins so that the largest sum of costs is small: the costliest first, each to the bin that has
 * least (Graham 1969). The same costs always give the same bins.
 */
export function spread(costs: readonly number[], bins: number): number[][] {
  const found = Array.from({ length: bins }, () => ({ sum: 0, numbers: [] as number[] }));
  const order = costs.map((cost, number) => ({ cost, number })).sort((a, b) => b.cost - a.cost);
  for (const { cost, number } of order) {
    const least = found.reduce((best, bin) => bin.sum < best.sum ? bin : best);
    least.sum += cost;
    least.numbers.push(number);
  }
  return found.map(({ numbers }) => numbers);
}

/**
 * Groups units (each a list of examples that must share a pack) in order into packs of at most `budget` rows; a unit
 * larger than that has a pack of its own. An engine of several replicas shares a pack's trees out, so there a pack may have as many
 * rows as leave each replica at most `budget`; units of one size share a pack then, and no replica waits long for another, unless
 * `keepsOrder` asks for units in the order that they are given.
 */
export function packUnits(
  units: readonly (readonly EncodedExample[])[],
  budget: number,
  replicas = 1,
  keepsOrder = false,
): EncodedExample[][] {
  const sized = units.map((unit) => ({ unit, sizes: unit.map(exampleRows) }));
  if (replicas > 1 && !keepsOrder) sized.sort((a, b) => sum(b.sizes) - sum(a.sizes));
  const packs: EncodedExample[][] = [];
  let open: number[] = [];
  for (const { unit, sizes } of sized) {
    const pack = packs.at(-1);
    if (pack && largestShare([...open, ...sizes], replicas) <= budget) {
      pack.push(...unit);
      open.push(...sizes);
    } else {
      packs.push([...unit]);
      open = [...sizes];
    }
  }
  return packs;
}

function largestShare(sizes: readonly number[], replicas: number): number {
  if (replicas === 1) return sum(sizes);
  return Math.max(
    ...spread(sizes, replicas).map((numbers) => sum(numbers.map((number) => item(sizes, number)))),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
