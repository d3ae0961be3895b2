/**
 * A plan of a graph's dispatches for one set of sizes: shaders, bindings and lifetimes of values.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import { isCounted, kernelCost } from "../../../cost.ts";
import type { Node, Value } from "../../../graph.ts";
import { concreteShape } from "../../../sizes.ts";
import type { WgslBinding, WgslDispatch, WgslLimits } from "../../../wgsl_program.ts";
import type { Device, Pipeline } from "../device/device.ts";
import { bytesOf } from "../device/tensor.ts";
import { inPlaceOutputs } from "./in_place.ts";
import { dimsOf, lower } from "./lower.ts";
import { Lifetimes, Slots, type SlotsRequest } from "./slots.ts";
import { Uniforms } from "./uniforms.ts";

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

/** Limits and sizes that a plan is made for. */
export interface PlanRequest extends SlotsRequest {
  /** Outputs that are to be written to the tensor of an input, and that input. */
  inPlace?: ReadonlyMap<string, string>;
}

/** Makes a plan; uniforms are written to the device. */
export async function makePlan(device: Device, request: PlanRequest): Promise<Plan> {
  const { graph, sizes } = request, slots = new Slots(request);
  const planner: Planner = {
    ...request,
    device,
    slots,
    uniforms: new Uniforms(),
    written: writtenInPlace(request, slots),
    lifetimes: new Lifetimes(graph),
  };
  const steps: Step[] = [];
  for (const node of graph.nodes) steps.push(await planStep(planner, node));
  return {
    number: device.planned++,
    steps,
    dispatches: steps.flatMap(({ dispatches }) => dispatches),
    operations: graph.nodes.reduce((sum, node) => sum + operationsOf(node, sizes), 0),
    uniforms: planner.uniforms.upload(device),
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

/** What the steps of one plan are made with. */
interface Planner extends Pick<PlanRequest, "name" | "sizes"> {
  device: Device;
  slots: Slots;
  uniforms: Uniforms;
  /** Outputs of nodes that stand where an input does, by the kernels' names. */
  written: ReadonlyMap<Node, ReadonlySet<string>>;
  lifetimes: Lifetimes;
}

/** Gives outputs that are to be written to an input's tensor its slot; gives them by node. */
function writtenInPlace(
  { graph, inPlace = new Map() }: PlanRequest,
  slots: Slots,
): ReadonlyMap<Node, ReadonlySet<string>> {
  const byNode = new Map<Node, Set<string>>();
  for (const { output, node, own } of inPlaceOutputs(graph, inPlace)) {
    const input = inPlace.get(output) ?? "";
    slots.ofGraph.set(entryOf(graph.outputs, output), slots.ofGraph.of(entryOf(graph.inputs, input)));
    byNode.set(node, (byNode.get(node) ?? new Set()).add(own));
  }
  return byNode;
}

async function planStep(planner: Planner, node: Node): Promise<Step> {
  const { device, slots, sizes, written, lifetimes } = planner;
  const slotOf = (value: Value) => slots.ofGraph.of(value);
  const tensors = [...Object.entries(node.inputs), ...Object.entries(node.outputs)];
  const inPlace = written.get(node), limits = { ...limitsOf(device), ...(inPlace && { inPlace }) };
  const program = lower(limits, node, sizes, (value) => slots.isHalf(value));
  const temporaries = Object.entries(program.temporaries ?? {}).map(([key, count]) =>
    [key, slots.temporary(count)] as const
  );
  const byName = new Map([...tensors.map(([key, value]) => [key, slotOf(value)] as const), ...temporaries]);
  const dispatches: PlannedDispatch[] = [];
  for (const dispatch of program.dispatches) {
    if (dispatch.workgroups > 0) dispatches.push(await planDispatch(planner, dispatch, byName));
  }
  const temporarySlots = temporaries.map(([, slot]) => slot);
  const dead = tensors.map(([, value]) => value).filter((value) => lifetimes.endAt(value, node));
  return {
    take: [...Object.values(node.outputs).map(slotOf), ...temporarySlots]
      .map((slot) => [slot, slots.bytesOf(slot)]),
    dispatches,
    give: [...new Set([...dead.map(slotOf), ...temporarySlots])],
  };
}

async function planDispatch(
  { device, slots, uniforms, name }: Planner,
  dispatch: WgslDispatch,
  byName: ReadonlyMap<string, number>,
): Promise<PlannedDispatch> {
  const where = `${name}, ${dispatch.label}`;
  return {
    ...await device.pipeline(dispatch),
    ...uniforms.add(dispatch),
    bindings: dispatch.bindings.map((binding) => planBinding(binding, { byName, slots, device, where })),
    workgroups: foldWorkgroups(dispatch.workgroups, device.gpu.limits.maxComputeWorkgroupsPerDimension),
    number: device.planned++,
  };
}

function operationsOf(node: Node, sizes: ReadonlyMap<string, number>): number {
  if (!isCounted(node.kernel)) return Infinity;
  return kernelCost(node.kernel, dimsOf(node, sizes)).flops;
}

function limitsOf({ bindingBytes, workgroupBytes, subgroups }: Device): Omit<WgslLimits, "half"> {
  return { bindingBytes, workgroupBytes, subgroups };
}

function planBinding(
  { name, part }: WgslBinding,
  { byName, slots, device, where }: {
    byName: ReadonlyMap<string, number>;
    slots: Slots;
    device: Device;
    where: string;
  },
): PlannedBinding {
  const slot = byName.get(name);
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
