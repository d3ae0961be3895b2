/**
 * A graph as compute dispatches. A plan is made once for every set of sizes; a run takes buffers from the pool as values begin
 * to live and gives them back behind their last use, before it writes its one command buffer.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import { elements, type Program, type Tensor } from "../../../backend.ts";
import { fused } from "../../../fuse_lora.ts";
import type { Graph } from "../../../graph.ts";
import { indexCheck } from "../../indices.ts";
import { bindSizes } from "../../../sizes.ts";
import type { Device } from "../device/device.ts";
import { makePlan, type Plan } from "./plan.ts";
import type { BufferPlace, GpuPool } from "../device/pool.ts";
import { GpuTensor } from "../device/tensor.ts";

/** Sets of sizes that a program remembers: all lengths of packs up to 8,192 rows are 80. */
const PLANS = 96;

/** Makes a program. */
export function webgpuProgram(device: Device, given: Graph, name: string): Program {
  const graph = fused(given), names = Object.keys(graph.inputs);
  const checkIndices = indexCheck<GpuTensor>(name, given, ({ extent }) => extent);
  const plans = new Map<string, Promise<Plan>>();
  const forget = (key: string) => {
    // A plan that failed has nothing to give back, and its error went to the run that asked for it.
    plans.get(key)?.then(({ uniforms }) => device.usable && device.memory.give(uniforms), () => {});
    plans.delete(key);
  };
  const planFor = (
    sizes: ReadonlyMap<string, number>,
    halves: ReadonlySet<string>,
    inPlace: ReadonlyMap<string, string>,
  ): Promise<Plan> => {
    const key = `${[...sizes.values()]} ${[...halves]} ${[...inPlace]}`;
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
    const plan = makePlan(device, { graph, name, sizes, halves, inPlace });
    plans.set(key, plan);
    return plan;
  };
  return {
    async run(inputs, into = {}) {
      device.check();
      const sizes = bindSizes(name, graph, inputs);
      checkIndices(inputs, sizes);
      const halves = new Set(names.filter((key) => (inputs[key] as GpuTensor).half));
      return execute(device, {
        name,
        plan: await planFor(sizes, halves, placesOf(inputs, into)),
        inputs,
        into,
      });
    },
    dispose: () => {
      for (const key of [...plans.keys()]) forget(key);
      return Promise.resolve();
    },
  };
}

/** Outputs whose tensor is an input's, and that input. */
function placesOf(
  inputs: Readonly<Record<string, Tensor>>,
  into: Readonly<Record<string, Tensor>>,
): Map<string, string> {
  const outputs = Object.entries(into);
  if (outputs.length === 0) return new Map();
  const given = new Map<Tensor, string | null>();
  // One that is two inputs may still be read as the other.
  for (const [key, tensor] of Object.entries(inputs)) given.set(tensor, given.has(tensor) ? null : key);
  return new Map(outputs.flatMap(([key, tensor]) => {
    const input = given.get(tensor);
    return typeof input === "string" ? [[key, input] as const] : [];
  }));
}

interface Execution {
  name: string;
  plan: Plan;
  inputs: Readonly<Record<string, Tensor>>;
  into: Readonly<Record<string, Tensor>>;
}

type Copy = readonly [from: number, to: BufferPlace, bytes: number];

function execute(device: Device, { name, plan, inputs, into }: Execution): Record<string, Tensor> {
  const buffers = new Buffers(plan.slots, device.memory);
  for (const [key, slot] of plan.inputs) buffers.put(slot, (inputs[key] as GpuTensor).place);
  const results: Record<string, GpuTensor> = {}, copies: Copy[] = [], overwritten: Copy[] = [];
  const given = new Set(Object.values(inputs)), passing: number[] = [];
  for (const { key, slot, shape, type } of plan.outputs) {
    const tensor = checkInto(into[key], shape, name, key) ?? GpuTensor.allocate(device.memory, shape, type);
    results[key] = tensor;
    if (!given.has(tensor)) tensor.extent = null;
    const bytes = 4 * elements(shape);
    if (!buffers.has(slot)) {
      if (!given.has(tensor)) {
        buffers.put(slot, tensor.place);
        continue;
      }
      buffers.take(slot, bytes);
      passing.push(slot);
    }
    // An output that is an input, or that is another output too, is a copy. What an input is needed for is done before it is overwritten.
    if (buffers.numberOf(slot) !== tensor.place.number) {
      (given.has(tensor) ? overwritten : copies).push([slot, tensor.place, bytes]);
    }
  }
  for (const { take, give } of plan.steps) {
    for (const [slot, bytes] of take) if (!buffers.has(slot)) buffers.take(slot, bytes);
    for (const slot of give) device.memory.give(buffers.of(slot).buffer);
  }
  for (const slot of passing) device.memory.give(buffers.of(slot).buffer);
  const groups = groupsOf(device, plan, buffers);
  const encoder = device.gpu.createCommandEncoder({ label: name });
  const pass = encoder.beginComputePass({
    label: name,
    ...(device.timer && { timestampWrites: device.timer.next() }),
  });
  plan.dispatches.forEach(({ pipeline, workgroups }, i) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, item(groups, i));
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  });
  pass.end();
  for (const [slot, to, bytes] of [...copies, ...overwritten]) {
    const { buffer, offset } = buffers.of(slot);
    if (bytes) encoder.copyBufferToBuffer(buffer, offset, to.buffer, to.offset, bytes);
  }
  const { dispatches: { length: dispatches }, operations } = plan;
  device.gather(encoder.finish(), { dispatches, operations });
  device.work.buffers++;
  device.work.dispatches += dispatches;
  return results;
}

/** Groups of bindings of all dispatches of a run: a value has one buffer all the while, so the buffers of the values say which. */
function groupsOf(
  device: Device,
  { number, dispatches, uniforms }: Plan,
  buffers: Buffers,
): readonly GPUBindGroup[] {
  return device.bindGroups.ofRun(
    `${number} ${buffers.key}`,
    dispatches.length,
    () =>
      dispatches.map(({ layout, bindings, uniformOffset, uniformSize, number }) => {
        const key = `${number} ${bindings.map(({ slot }) => buffers.numberOf(slot)).join(" ")}`;
        return device.bindGroups.of(key, () => {
          const entries: GPUBindGroupEntry[] = bindings.map(({ slot, offset, size }, binding) => {
            const place = buffers.of(slot);
            return { binding, resource: { buffer: place.buffer, offset: place.offset + offset, size } };
          });
          entries.push({
            binding: bindings.length,
            resource: { buffer: uniforms, offset: uniformOffset, size: uniformSize },
          });
          device.work.bindGroups++;
          return device.gpu.createBindGroup({ layout, entries });
        });
      }),
  );
}

/** The places that values stand at while a plan runs. */
class Buffers {
  readonly #held: (BufferPlace | undefined)[];
  readonly #numbers: number[];
  readonly #pool: GpuPool;

  constructor(slots: number, pool: GpuPool) {
    this.#held = new Array(slots);
    this.#numbers = new Array(slots).fill(-1);
    this.#pool = pool;
  }

  /** All of them, for keys. */
  get key(): string {
    return this.#numbers.join(" ");
  }

  /** Of the value's place, for keys. */
  numberOf(slot: number): number {
    return this.#numbers[slot]!;
  }

  has(slot: number): boolean {
    return this.#held[slot] !== undefined;
  }

  of(slot: number): BufferPlace {
    const place = this.#held[slot];
    if (!place) throw new Error(`Cannot bind slot ${slot} of a plan: it holds no buffer`);
    return place;
  }

  put(slot: number, place: BufferPlace): void {
    this.#held[slot] = place;
    this.#numbers[slot] = place.number;
  }

  /** Memory of the pool for a value. */
  take(slot: number, bytes: number): void {
    this.put(slot, this.#pool.placeOf(this.#pool.take(bytes)));
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
