/** Command buffers that wait for others, and when they are handed over. */
import { assertEquals } from "@std/assert";
import { Device } from "./device.ts";

/** A device that notes what its queue is given, in order. */
function noting(): { device: Device; given: string[] } {
  const given: string[] = [];
  const gpu = {
    limits: { maxBufferSize: 2 ** 32 },
    lost: new Promise(() => {}),
    addEventListener: () => {},
    createBuffer: ({ size }: GPUBufferDescriptor) => ({
      size,
      mapAsync: () => Promise.resolve(),
      getMappedRange: () => new ArrayBuffer(4),
      unmap: () => {},
    }),
    createCommandEncoder: () => ({ copyBufferToBuffer: () => {}, finish: () => "read" }),
    queue: {
      writeBuffer: () => given.push("write"),
      submit: (commands: string[]) => given.push(commands.join(" ")),
      onSubmittedWorkDone: () => Promise.resolve(),
    },
  };
  return { device: new Device(gpu as unknown as GPUDevice, 2 ** 27), given };
}

const command = (name: string) => name as unknown as GPUCommandBuffer;

Deno.test("short programs are handed over together, 128 dispatches at most, and long ones at once with those before", () => {
  const { device, given } = noting();
  for (let i = 0; i < 5; i++) device.gather(command(`short${i}`), { dispatches: 33, operations: 1e6 });
  assertEquals(given, ["short0 short1 short2 short3"]);
  device.gather(command("long"), { dispatches: 1, operations: 1e10 });
  // A kernel whose operations nobody counts may take long.
  device.gather(command("unknown"), { dispatches: 1, operations: Infinity });
  assertEquals(given.slice(1), ["short4 long", "unknown"]);
  assertEquals(device.work.submits, 3);
});

Deno.test("what has gathered is handed over before a write, with a read, and before a wait", async () => {
  const { device, given } = noting(), short = { dispatches: 1, operations: 1 };
  const buffer = device.memory.take(16);
  device.gather(command("a"), short);
  device.write(buffer, new Uint32Array(4));
  device.gather(command("b"), short);
  device.gather(command("c"), short);
  await device.read({ buffer, offset: 0 }, 4);
  device.gather(command("d"), short);
  await device.finish();
  assertEquals(given, ["a", "write", "b c read", "d"]);
});

Deno.test("reads that are asked for together are one submit and one wait, and what follows them comes behind", async () => {
  const { device, given } = noting(), short = { dispatches: 1, operations: 1 };
  const place = { buffer: device.memory.take(16), offset: 0 };
  device.gather(command("a"), short);
  const reads = [0, 1, 2].map(() => device.read(place, 4));
  device.write(place.buffer, new Uint32Array(4));
  device.gather(command("b"), short);
  await Promise.all(reads);
  await device.finish();
  assertEquals(given, ["a read read read", "write", "b"]);
  assertEquals([device.work.downloads, device.work.waits], [3, 2]);
});
