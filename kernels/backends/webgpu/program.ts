/**
 * A graph as compute dispatches. A plan is made once for every set of sizes; a run takes buffers from the pool as values begin
 * to live and gives them back behind their last use, all in one command buffer.
 * @module
 */
import { elements, type Program, type Tensor } from "../../backend.ts";
import { fused } from "../../fuse_lora.ts";
import type { Graph } from "../../graph.ts";
import { indexCheck } from "../indices.ts";
import { bindSizes } from "../sizes.ts";
import type { Device } from "./device.ts";
import { makePlan, type Plan, type PlannedDispatch, slotsOf } from "./plan.ts";
import type { GpuPool } from "./pool.ts";
import { GpuTensor } from "./tensor.ts";

/** Sets of sizes that a program remembers: all lengths of packs up to 8,192 rows are 80. */
const PLANS = 96;

/** Makes a program. */
export function webgpuProgram(device: Device, given: Graph, name: string): Program {
  const graph = fused(given);
  const checkIndices = indexCheck<GpuTensor>(name, given, ({ extent }) => extent);
  const plans = new Map<string, Promise<Plan>>();
  const forget = (key: string) => {
    // A plan that failed has nothing to give back, and its error went to the run that asked for it.
    plans.get(key)?.then(({ uniforms }) => device.usable && device.memory.give(uniforms), () => {});
    plans.delete(key);
  };
  const planFor = (sizes: ReadonlyMap<string, number>, halves: ReadonlySet<string>): Promise<Plan> => {
    const key = JSON.stringify([[...sizes], [...halves]]);
    const known = plans.get(key);
    if (known) {
      // The one used longest ago is the first.
      plans.delete(key);
      plans.set(key, known);
      return known;
    }
    const [oldest] = plans.keys();
    if (oldest !== undefined && plans.size >= PLANS) forget(oldest);
    device.work.plans++;
    const plan = makePlan(device, { graph, name, sizes, halves });
    plans.set(key, plan);
    return plan;
  };
  return {
    async run(inputs, into = {}) {
      device.check();
      const sizes = bindSizes(name, graph, inputs);
      checkIndices(inputs, sizes);
      const halves = new Set(Object.keys(graph.inputs).filter((key) => (inputs[key] as GpuTensor).half));
      return execute(device, { graph, name, plan: await planFor(sizes, halves), inputs, into });
    },
    dispose: () => {
      for (const key of [...plans.keys()]) forget(key);
      return Promise.resolve();
    },
  };
}

interface Execution {
  graph: Graph;
  name: string;
  plan: Plan;
  inputs: Readonly<Record<string, Tensor>>;
  into: Readonly<Record<string, Tensor>>;
}

function execute(device: Device, { graph, name, plan, inputs, into }: Execution): Record<string, Tensor> {
  const slots = slotsOf(graph), buffers = new Buffers(plan.slots, device.memory);
  for (const [key, value] of Object.entries(graph.inputs)) {
    buffers.put(slots.of(value), (inputs[key] as GpuTensor).buffer);
  }
  const results: Record<string, GpuTensor> = {}, copies: [from: number, to: GPUBuffer, bytes: number][] = [];
  for (const [key, value] of Object.entries(graph.outputs)) {
    const shape = plan.shapes[key] ?? [], slot = slots.of(value);
    const tensor = checkInto(into[key], shape, name, key) ??
      GpuTensor.allocate(device.memory, shape, value.type);
    results[key] = tensor;
    // An output that is an input, or that is another output too, is a copy.
    if (buffers.has(slot)) copies.push([slot, tensor.buffer, 4 * elements(shape)]);
    else buffers.put(slot, tensor.buffer);
  }
  const encoder = device.gpu.createCommandEncoder({ label: name });
  const pass = encoder.beginComputePass({
    label: name,
    ...(device.timer && { timestampWrites: device.timer.next() }),
  });
  for (const { take, dispatches, give } of plan.steps) {
    for (const [slot, bytes] of take) if (!buffers.has(slot)) buffers.put(slot, device.memory.take(bytes));
    for (const dispatch of dispatches) encodeDispatch(device, pass, dispatch, buffers, plan.uniforms);
    for (const slot of give) device.memory.give(buffers.drop(slot));
  }
  pass.end();
  for (const [slot, to, bytes] of copies) {
    if (bytes) encoder.copyBufferToBuffer(buffers.of(slot), 0, to, 0, bytes);
  }
  device.submit([encoder.finish()]);
  device.work.submits++;
  return results;
}

/** The buffers that values stand in while a plan runs. */
class Buffers {
  readonly #held: (GPUBuffer | undefined)[];
  readonly #numbers: number[];
  readonly #pool: GpuPool;

  constructor(slots: number, pool: GpuPool) {
    this.#held = new Array(slots);
    this.#numbers = new Array(slots).fill(-1);
    this.#pool = pool;
  }

  /** A buffer's number in the pool, for keys. */
  numberOf(slot: number): number {
    return this.#numbers[slot]!;
  }

  has(slot: number): boolean {
    return this.#held[slot] !== undefined;
  }

  of(slot: number): GPUBuffer {
    const buffer = this.#held[slot];
    if (!buffer) throw new Error(`Cannot bind slot ${slot} of a plan: it holds no buffer`);
    return buffer;
  }

  put(slot: number, buffer: GPUBuffer): void {
    this.#held[slot] = buffer;
    this.#numbers[slot] = this.#pool.numberOf(buffer);
  }

  /** Forgets the buffer of a slot and returns it. */
  drop(slot: number): GPUBuffer {
    const buffer = this.of(slot);
    this.#held[slot] = undefined;
    return buffer;
  }
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
  { pipeline, layout, bindings, uniformOffset, uniformSize, workgroups, number }: PlannedDispatch,
  buffers: Buffers,
  uniforms: GPUBuffer,
): void {
  let key = `${number}`;
  for (const { slot } of bindings) key += ` ${buffers.numberOf(slot)}`;
  const group = device.bindGroups.of(key, () => {
    const entries: GPUBindGroupEntry[] = bindings.map(({ slot, offset, size }, binding) => ({
      binding,
      resource: { buffer: buffers.of(slot), offset, size },
    }));
    entries.push({
      binding: bindings.length,
      resource: { buffer: uniforms, offset: uniformOffset, size: uniformSize },
    });
    device.work.bindGroups++;
    return device.gpu.createBindGroup({ layout, entries });
  });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  device.work.dispatches++;
}
