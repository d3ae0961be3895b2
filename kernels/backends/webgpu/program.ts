/**
 * A graph as compute dispatches. For every set of sizes a plan is made once: shaders, bindings and lifetimes; a run takes
 * buffers from the pool as values begin to live and gives them back behind their last use, all in one command buffer.
 * @module
 */
import { elements, type Program, type Tensor } from "../../backend.ts";
import { fuseSums } from "../../fuse.ts";
import { type Graph, type Node, nodeSizes, type Value } from "../../graph.ts";
import type { WgslBinding, WgslLimits, WgslProgram } from "../../kernel.ts";
import { bindSizes, concreteShape, concreteSize } from "../sizes.ts";
import type { Device, Pipeline } from "./device.ts";
import { bytesOf, GpuTensor } from "./tensor.ts";

/** Uniform structs begin at multiples of this. */
const UNIFORM_ALIGNMENT = 256;
/** Sets of sizes that a program remembers. */
const PLANS = 64;
/** Bind groups that a dispatch remembers: one a layer. Making one takes 10 µs, two thirds of encoding a dispatch. */
const BIND_GROUPS = 128;

/** A binding: an index among the values of a plan, and which bytes. */
interface PlannedBinding {
  slot: number;
  offset: number;
  size: number;
}

interface PlannedDispatch extends Pipeline {
  bindings: readonly PlannedBinding[];
  uniformOffset: number;
  uniformSize: number;
  workgroups: readonly [number, number, number];
  /** By the numbers of the bound buffers. */
  bindGroups: Map<string, GPUBindGroup>;
}

interface Step {
  /** Slots that begin to live here, with their bytes, unless a caller's tensor stands there. */
  take: readonly [slot: number, bytes: number][];
  dispatches: readonly PlannedDispatch[];
  /** Slots whose last use this is. */
  give: readonly number[];
}

interface Plan {
  steps: readonly Step[];
  uniforms: GPUBuffer;
  slots: number;
  shapes: Readonly<Record<string, readonly number[]>>;
}

/** Workgroups in three dimensions, each at most `limit`. */
export function foldGroups(groups: number, limit: number): [number, number, number] {
  const x = Math.min(groups, limit), y = Math.min(Math.ceil(groups / Math.max(1, x)), limit);
  return [x, y, Math.ceil(groups / Math.max(1, x * y))];
}

/** Makes a program. */
export function webgpuProgram(device: Device, given: Graph, name: string): Program {
  const graph = fuseSums(given);
  const plans = new Map<string, Promise<Plan>>();
  const forget = (key: string) => {
    const plan = plans.get(key)!;
    plans.delete(key);
    // A plan that failed has nothing to give back, and its error went to whoever ran it.
    plan.then(({ uniforms }) => device.usable && device.memory.give(uniforms), () => {});
  };
  const planFor = (sizes: ReadonlyMap<string, number>, halves: ReadonlySet<string>): Promise<Plan> => {
    const key = JSON.stringify([[...sizes], [...halves]]);
    let plan = plans.get(key);
    if (!plan) {
      if (plans.size >= PLANS) forget(plans.keys().next().value!);
      plan = makePlan(device, graph, name, sizes, halves);
      plans.set(key, plan);
    }
    return plan;
  };
  return {
    async run(inputs, into = {}) {
      device.check();
      const sizes = bindSizes(name, graph, inputs);
      const halves = new Set(Object.keys(graph.inputs).filter((key) => (inputs[key] as GpuTensor).half));
      return execute(device, graph, name, await planFor(sizes, halves), inputs, into);
    },
    dispose: () => {
      for (const key of [...plans.keys()]) forget(key);
      return Promise.resolve();
    },
  };
}

/** Index of every value, inputs first. */
function slotsOf(graph: Graph): Map<number, number> {
  const slots = new Map<number, number>();
  for (const value of Object.values(graph.inputs)) slots.set(value.id, slots.size);
  for (const node of graph.nodes) {
    for (const value of Object.values(node.outputs)) slots.set(value.id, slots.size);
  }
  return slots;
}

async function makePlan(
  device: Device,
  graph: Graph,
  name: string,
  sizes: ReadonlyMap<string, number>,
  halves: ReadonlySet<string>,
): Promise<Plan> {
  const slots = slotsOf(graph), bytes: number[] = [];
  const half = new Set([...halves].map((key) => slots.get(graph.inputs[key]!.id)!));
  for (const [key, { id }] of Object.entries(graph.outputs)) {
    if (half.has(slots.get(id)!)) {
      throw new TypeError(`Cannot copy float16 storage to output "${key}" of program ${name}`);
    }
  }
  for (
    const value of [
      ...Object.values(graph.inputs),
      ...graph.nodes.flatMap((n) => Object.values(n.outputs)),
    ]
  ) {
    const slot = slots.get(value.id)!;
    bytes[slot] = bytesOf(elements(concreteShape(value, sizes)), half.has(slot));
  }
  const escaping = new Set(
    [...Object.values(graph.inputs), ...Object.values(graph.outputs)].map((v) => slots.get(v.id)!),
  );
  const last = lastUses(graph, slots);
  const uniforms: number[] = [], steps: Step[] = [];
  let count = slots.size;
  for (const [index, node] of graph.nodes.entries()) {
    const own = new Map(
      [...Object.entries(node.inputs), ...Object.entries(node.outputs)].map((
        [key, v],
      ) => [key, slots.get(v.id)!]),
    );
    const program = lower(device, node, sizes, (value) => half.has(slots.get(value.id)!));
    const temporaries: number[] = [];
    for (const [key, size] of Object.entries(program.temporaries ?? {})) {
      own.set(key, count);
      bytes[count] = 4 * size;
      temporaries.push(count++);
    }
    const planned: PlannedDispatch[] = [];
    for (const dispatch of program.dispatches) {
      if (dispatch.groups === 0) continue;
      const uniformOffset = uniforms.length * 4, values = Object.values(dispatch.sizes);
      uniforms.push(...values);
      while (uniforms.length * 4 % UNIFORM_ALIGNMENT) uniforms.push(0);
      planned.push({
        ...await device.pipeline(dispatch),
        bindings: dispatch.bindings.map((b) =>
          planBinding(b, own, bytes, half, device, `${name}, ${dispatch.label}`)
        ),
        uniformOffset,
        uniformSize: Math.ceil(values.length / 4) * 16,
        workgroups: foldGroups(dispatch.groups, device.gpu.limits.maxComputeWorkgroupsPerDimension),
        bindGroups: new Map(),
      });
    }
    const made = Object.values(node.outputs).map((v) => slots.get(v.id)!);
    const dead = [...own.values()].filter((slot) =>
      slot < slots.size && last[slot] === index && !escaping.has(slot)
    );
    steps.push({
      take: [...made, ...temporaries].map((slot) => [slot, bytes[slot]!]),
      dispatches: planned,
      give: [...new Set([...dead, ...temporaries])],
    });
  }
  const buffer = device.memory.take(4 * uniforms.length);
  if (uniforms.length) device.gpu.queue.writeBuffer(buffer, 0, Uint32Array.from(uniforms));
  return {
    steps,
    uniforms: buffer,
    slots: count,
    shapes: Object.fromEntries(
      Object.entries(graph.outputs).map(([key, v]) => [key, concreteShape(v, sizes)]),
    ),
  };
}

/** Index of the node that uses each slot last; its own for a value that nothing uses. */
function lastUses(graph: Graph, slots: ReadonlyMap<number, number>): number[] {
  const last: number[] = [];
  graph.nodes.forEach((node, index) => {
    for (const value of [...Object.values(node.outputs), ...Object.values(node.inputs)]) {
      last[slots.get(value.id)!] = index;
    }
  });
  return last;
}

/** Dispatches that a program of a graph makes in one run, without a device. */
export function countDispatches(
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
  limits: Pick<WgslLimits, "bindingBytes">,
): number {
  return fuseSums(graph).nodes.reduce((sum, node) => {
    return sum + lower(limits, node, sizes, () => false).dispatches.filter(({ groups }) => groups > 0).length;
  }, 0);
}

function lower(
  { bindingBytes }: Pick<WgslLimits, "bindingBytes">,
  node: Node,
  sizes: ReadonlyMap<string, number>,
  isHalf: (value: Value) => boolean,
): WgslProgram {
  const dims = Object.fromEntries(
    Object.entries(nodeSizes(node)).map(([k, v]) => [k, concreteSize(v, sizes)]),
  );
  const halves = Object.keys(node.inputs).filter((name) => isHalf(node.inputs[name]!));
  for (const name of halves) {
    if (node.kernel.halves?.includes(name)) continue;
    throw new TypeError(
      `Cannot run kernel ${node.kernel.name}: input "${name}" needs float32 storage: current value is float16; ` +
        `upload it without frozen`,
    );
  }
  return node.kernel.wgsl(dims, node.attrs, { bindingBytes, half: new Set(halves) });
}

function planBinding(
  { name, part }: WgslBinding,
  own: ReadonlyMap<string, number>,
  bytes: readonly number[],
  half: ReadonlySet<number>,
  device: Device,
  where: string,
): PlannedBinding {
  const slot = own.get(name);
  if (slot === undefined) {
    throw new TypeError(`Cannot bind "${name}" in ${where}: the kernel has no such tensor`);
  }
  const isHalf = half.has(slot), offset = bytesOf(part?.first ?? 0, isHalf);
  const size = Math.max(16, part ? bytesOf(part.count, isHalf) : bytes[slot]!);
  if (size > device.bindingBytes) {
    throw new RangeError(
      `Cannot bind ${size} bytes of "${name}" in ${where}: this device binds at most ${device.bindingBytes}; ` +
        `lower cutoff_len or the token budget of a step, or use another backend`,
    );
  }
  return { slot, offset, size };
}

function execute(
  device: Device,
  graph: Graph,
  name: string,
  plan: Plan,
  inputs: Readonly<Record<string, Tensor>>,
  into: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const slots = slotsOf(graph), held: (GPUBuffer | undefined)[] = new Array(plan.slots);
  for (const [key, value] of Object.entries(graph.inputs)) {
    held[slots.get(value.id)!] = (inputs[key] as GpuTensor).buffer;
  }
  const results: Record<string, GpuTensor> = {}, copies: [from: number, to: GPUBuffer, bytes: number][] = [];
  for (const [key, value] of Object.entries(graph.outputs)) {
    const shape = plan.shapes[key]!, slot = slots.get(value.id)!;
    const tensor = checkInto(into[key], shape, name, key) ??
      GpuTensor.allocate(device.memory, shape, value.type);
    results[key] = tensor;
    // An output that is an input, or that is another output too, is a copy.
    if (held[slot]) copies.push([slot, tensor.buffer, 4 * elements(shape)]);
    else held[slot] = tensor.buffer;
  }
  const encoder = device.gpu.createCommandEncoder({ label: name });
  const pass = encoder.beginComputePass({ label: name });
  for (const { take, dispatches, give } of plan.steps) {
    for (const [slot, bytes] of take) held[slot] ??= device.memory.take(bytes);
    for (const dispatch of dispatches) encodeDispatch(device, pass, dispatch, held, plan.uniforms);
    for (const slot of give) {
      device.memory.give(held[slot]!);
      held[slot] = undefined;
    }
  }
  pass.end();
  for (const [slot, to, bytes] of copies) if (bytes) encoder.copyBufferToBuffer(held[slot]!, 0, to, 0, bytes);
  device.gpu.queue.submit([encoder.finish()]);
  device.work.submits++;
  return results;
}

function checkInto(
  tensor: Tensor | undefined,
  shape: readonly number[],
  name: string,
  key: string,
): GpuTensor | undefined {
  if (tensor && String(tensor.shape) !== String(shape)) {
    throw new TypeError(
      `Cannot write output "${key}" of program ${name} as [${shape}]: current value is [${tensor.shape}]`,
    );
  }
  return tensor as GpuTensor | undefined;
}

function encodeDispatch(
  device: Device,
  pass: GPUComputePassEncoder,
  { pipeline, layout, bindings, uniformOffset, uniformSize, workgroups, bindGroups }: PlannedDispatch,
  held: readonly (GPUBuffer | undefined)[],
  uniforms: GPUBuffer,
): void {
  let key = "";
  for (const { slot } of bindings) key += `${device.memory.numberOf(held[slot]!)} `;
  let group = bindGroups.get(key);
  if (!group) {
    if (bindGroups.size >= BIND_GROUPS) bindGroups.clear();
    const entries: GPUBindGroupEntry[] = bindings.map(({ slot, offset, size }, binding) => ({
      binding,
      resource: { buffer: held[slot]!, offset, size },
    }));
    entries.push({
      binding: bindings.length,
      resource: { buffer: uniforms, offset: uniformOffset, size: uniformSize },
    });
    group = device.gpu.createBindGroup({ layout, entries });
    bindGroups.set(key, group);
  }
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
  device.work.dispatches++;
}
