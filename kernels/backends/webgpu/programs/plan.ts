/**
 * A plan of a graph's dispatches for one set of sizes: shaders, bindings and lifetimes of values.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import { elements } from "../../../backend.ts";
import { isCounted, kernelCost } from "../../../cost.ts";
import { fused } from "../../../fuse_lora.ts";
import { type Graph, type Node, nodeSizes, type Value, ValueMap } from "../../../graph.ts";
import type { WgslBinding, WgslDispatch, WgslLimits, WgslProgram } from "../../../wgsl_program.ts";
import { sizeClass } from "../../onnx/memory.ts";
import { concreteShape, concreteSize } from "../../../sizes.ts";
import type { Device, Pipeline } from "../device/device.ts";
import { inPlaceOutputs } from "./in_place.ts";
import { bytesOf } from "../device/tensor.ts";

/** Uniform structs begin at multiples of this. */
const UNIFORM_ALIGNMENT = 256;

/** A binding: a value of the plan, and which of its bytes. */
interface PlannedBinding {
  /** Index among the values of the plan. */
  slot: number;
  offset: number;
  size: number;
}

/** A dispatch with what it binds. */
export interface PlannedDispatch extends Pipeline {
  bindings: readonly PlannedBinding[];
  uniformOffset: number;
  uniformSize: number;
  workgroups: readonly [number, number, number];
  /** Its own on the device, for keys. */
  number: number;
}

/** The dispatches of one node, and the values whose life begins or ends there. */
export interface Step {
  /** Slots that begin to live here, with their bytes, unless a caller's tensor stands there. */
  take: readonly [slot: number, bytes: number][];
  dispatches: readonly PlannedDispatch[];
  /** Slots whose last use this is. */
  give: readonly number[];
}

/** A graph for one set of sizes. */
export interface Plan {
  /** Its own on the device, for keys. */
  number: number;
  steps: readonly Step[];
  /** Those of all steps. */
  dispatches: readonly PlannedDispatch[];
  /** Floating-point operations of them; infinite where a kernel's aren't counted. */
  operations: number;
  uniforms: GPUBuffer;
  slots: number;
  /** Slots of the graph's inputs and outputs; an output may have an input's. */
  inputs: readonly (readonly [key: string, slot: number])[];
  outputs: readonly { key: string; slot: number; shape: readonly number[]; type: Value["type"] }[];
}

/** Workgroups in three dimensions, each at most `limit`. */
export function foldWorkgroups(count: number, limit: number): [number, number, number] {
  const x = Math.min(count, limit), y = Math.min(Math.ceil(count / Math.max(1, x)), limit);
  return [x, y, Math.ceil(count / Math.max(1, x * y))];
}

/** Index of every value, inputs first. */
function slotsOf(graph: Graph): ValueMap<number> {
  const slots = new ValueMap<number>();
  for (const value of valuesOf(graph)) slots.set(value, slots.size);
  return slots;
}

function valuesOf(graph: Graph): Value[] {
  return [...Object.values(graph.inputs), ...graph.nodes.flatMap((node) => Object.values(node.outputs))];
}

/** Limits and sizes that a plan is made for. */
export interface PlanRequest {
  graph: Graph;
  /** Of the program, for errors. */
  name: string;
  sizes: ReadonlyMap<string, number>;
  /** Graph inputs that lie in memory as float16. */
  halves: ReadonlySet<string>;
  /** Outputs that are to be written to the tensor of an input, and that input. */
  inPlace?: ReadonlyMap<string, string>;
}

/** Memory of a plan's values: slots of the graph's values, then of temporaries. */
class Slots {
  /** Bytes of each slot. */
  readonly bytes: number[] = [];
  readonly half: ReadonlySet<number>;
  readonly ofGraph: ValueMap<number>;

  constructor({ graph, name, sizes, halves }: PlanRequest) {
    this.ofGraph = slotsOf(graph);
    const inputs = Object.entries(graph.inputs).filter(([key]) => halves.has(key));
    this.half = new Set(inputs.map(([, value]) => this.ofGraph.of(value)));
    for (const [key, value] of Object.entries(graph.outputs)) {
      if (this.isHalf(value)) {
        throw new TypeError(`Cannot copy float16 storage to output "${key}" of program ${name}`);
      }
    }
    this.bytes = valuesOf(graph).map((value) =>
      bytesOf(elements(concreteShape(value, sizes)), this.isHalf(value))
    );
  }

  isHalf(value: Value): boolean {
    return this.half.has(this.ofGraph.of(value));
  }

  /** A slot for a temporary of so many elements. */
  temporary(count: number): number {
    return this.bytes.push(4 * count) - 1;
  }

  bytesOf(slot: number): number {
    const bytes = this.bytes[slot];
    if (bytes === undefined) throw new RangeError(`Cannot size slot ${slot}: there are ${this.bytes.length}`);
    return bytes;
  }
}

/** Makes a plan; uniforms are written to the device. */
export async function makePlan(device: Device, request: PlanRequest): Promise<Plan> {
  const { graph, sizes, name } = request, slots = new Slots(request), uniforms = new Uniforms();
  const escaping = new Set(
    [...Object.values(graph.inputs), ...Object.values(graph.outputs)].map((v) => v.id),
  );
  const last = lastUses(graph), steps: Step[] = [], inPlaceByNode = new Map<Node, Set<string>>();
  for (const { output, node, own } of inPlaceOutputs(graph, request.inPlace ?? new Map())) {
    const input = request.inPlace?.get(output) ?? "";
    slots.ofGraph.set(entryOf(graph.outputs, output), slots.ofGraph.of(entryOf(graph.inputs, input)));
    inPlaceByNode.set(node, (inPlaceByNode.get(node) ?? new Set()).add(own));
  }
  for (const node of graph.nodes) {
    const values = [...Object.entries(node.inputs), ...Object.entries(node.outputs)];
    const own = new Map(values.map(([key, value]) => [key, slots.ofGraph.of(value)]));
    const inPlace = inPlaceByNode.get(node), limits = { ...limitsOf(device), ...(inPlace && { inPlace }) };
    const program = lower(limits, node, sizes, (value) => slots.isHalf(value));
    const temporaries: number[] = [];
    for (const [key, count] of Object.entries(program.temporaries ?? {})) {
      const slot = slots.temporary(count);
      own.set(key, slot);
      temporaries.push(slot);
    }
    const dispatches: PlannedDispatch[] = [];
    for (const dispatch of program.dispatches) {
      if (dispatch.workgroups === 0) continue;
      const where = `${name}, ${dispatch.label}`;
      dispatches.push({
        ...await device.pipeline(dispatch),
        ...uniforms.add(dispatch),
        bindings: dispatch.bindings.map((binding) => planBinding(binding, { own, slots, device, where })),
        workgroups: foldWorkgroups(dispatch.workgroups, device.gpu.limits.maxComputeWorkgroupsPerDimension),
        number: device.planned++,
      });
    }
    const made = [...Object.values(node.outputs).map((value) => slots.ofGraph.of(value)), ...temporaries];
    const dead = values.filter(([, value]) => last.of(value) === node && !escaping.has(value.id));
    steps.push({
      take: made.map((slot) => [slot, slots.bytesOf(slot)]),
      dispatches,
      give: [...new Set([...dead.map(([, value]) => slots.ofGraph.of(value)), ...temporaries])],
    });
  }
  return {
    number: device.planned++,
    steps,
    dispatches: steps.flatMap(({ dispatches }) => dispatches),
    operations: graph.nodes.reduce((sum, node) => sum + operationsOf(node, sizes), 0),
    uniforms: uniforms.upload(device),
    slots: slots.bytes.length,
    inputs: Object.entries(graph.inputs).map(([key, value]) => [key, slots.ofGraph.of(value)] as const),
    outputs: Object.entries(graph.outputs).map(([key, value]) => ({
      key,
      slot: slots.ofGraph.of(value),
      shape: concreteShape(value, sizes),
      type: value.type,
    })),
  };
}

function dimsOf(node: Node, sizes: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(nodeSizes(node)).map(([k, v]) => [k, concreteSize(v, sizes)]));
}

function operationsOf(node: Node, sizes: ReadonlyMap<string, number>): number {
  if (!isCounted(node.kernel)) return Infinity;
  return kernelCost(node.kernel, dimsOf(node, sizes)).flops;
}

/** Sizes of all dispatches, one behind the other. */
class Uniforms {
  readonly #values: number[] = [];

  /** Where the sizes of a dispatch stand, bytes. */
  add({ sizes }: WgslDispatch): { uniformOffset: number; uniformSize: number } {
    const values = Object.values(sizes), uniformOffset = this.#values.length * 4;
    this.#values.push(...values);
    while (this.#values.length * 4 % UNIFORM_ALIGNMENT) this.#values.push(0);
    return { uniformOffset, uniformSize: Math.ceil(values.length / 4) * 16 };
  }

  upload(device: Device): GPUBuffer {
    const buffer = device.memory.take(4 * this.#values.length);
    device.write(buffer, Uint32Array.from(this.#values));
    return buffer;
  }
}

/** The node that uses each value last; its own for a value that nothing uses. */
function lastUses(graph: Graph): ValueMap<Node> {
  const last = new ValueMap<Node>();
  for (const node of graph.nodes) {
    for (const value of [...Object.values(node.outputs), ...Object.values(node.inputs)]) {
      last.set(value, node);
    }
  }
  return last;
}

/** Dispatches that a program of a graph makes in one run, without a device. */
export function countDispatches(
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
  limits: Pick<WgslLimits, "bindingBytes">,
): number {
  const dispatches = fused(graph).nodes.flatMap((node) => lower(limits, node, sizes, () => false).dispatches);
  return dispatches.filter(({ workgroups }) => workgroups > 0).length;
}

/** Most bytes of values and temporaries, inputs left out, that exist at once while a graph runs, each as large as its buffer. */
export function peakBytes(graph: Graph, sizes: ReadonlyMap<string, number>): number {
  const whole = fused(graph), last = lastUses(whole);
  const kept = new Set([...Object.values(whole.inputs), ...Object.values(whole.outputs)].map(({ id }) => id));
  const bytes = (value: Value) => sizeClass(4 * elements(concreteShape(value, sizes)));
  let now = 0, most = 0;
  for (const node of whole.nodes) {
    const { temporaries = {} } = lower({ bindingBytes: Infinity }, node, sizes, () => false);
    const passing = Object.values(temporaries).reduce((sum, count) => sum + sizeClass(4 * count), 0);
    now += Object.values(node.outputs).reduce((sum, value) => sum + bytes(value), 0);
    most = Math.max(most, now + passing);
    const values = new Set([...Object.values(node.inputs), ...Object.values(node.outputs)]);
    for (const value of values) if (last.of(value) === node && !kept.has(value.id)) now -= bytes(value);
  }
  return most;
}

function lower(
  { bindingBytes, workgroupBytes, subgroups, inPlace }: Omit<WgslLimits, "half">,
  node: Node,
  sizes: ReadonlyMap<string, number>,
  isHalf: (value: Value) => boolean,
): WgslProgram {
  const dims = dimsOf(node, sizes);
  const halves = Object.entries(node.inputs).filter(([, value]) => isHalf(value)).map(([name]) => name);
  for (const name of halves) {
    if (node.kernel.halves?.includes(name)) continue;
    throw new TypeError(
      `Cannot run kernel ${node.kernel.name}: input "${name}" needs float32 storage: current value is float16; ` +
        `upload it without frozen`,
    );
  }
  return node.kernel.wgsl(dims, node.attrs, {
    bindingBytes,
    ...(workgroupBytes !== undefined && { workgroupBytes }),
    subgroups,
    half: new Set(halves),
    ...(inPlace && { inPlace }),
  });
}

function limitsOf({ bindingBytes, workgroupBytes, subgroups }: Device): Omit<WgslLimits, "half"> {
  return { bindingBytes, workgroupBytes, subgroups };
}

function planBinding(
  { name, part }: WgslBinding,
  { own, slots, device, where }: {
    own: ReadonlyMap<string, number>;
    slots: Slots;
    device: Device;
    where: string;
  },
): PlannedBinding {
  const slot = own.get(name);
  if (slot === undefined) {
    throw new TypeError(`Cannot bind "${name}" in ${where}: the kernel has no such tensor`);
  }
  const isHalf = slots.half.has(slot), offset = bytesOf(part?.first ?? 0, isHalf);
  const size = Math.max(16, part ? bytesOf(part.count, isHalf) : slots.bytesOf(slot));
  if (size > device.bindingBytes) {
    throw new RangeError(
      `Cannot bind ${size} bytes of "${name}" in ${where}: this device binds at most ${device.bindingBytes}; ` +
        `use another backend, or in a training lower cutoff_len or the token budget of a step`,
    );
  }
  return { slot, offset, size };
}
