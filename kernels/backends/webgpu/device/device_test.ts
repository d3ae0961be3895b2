import { assert, assertEquals } from "@std/assert";
import { Device } from "./device.ts";

Deno.test("what is written waits in the queue for 8 MiB at most: weights don't stand there a second time while a model loads, and a driver takes the same memory again", () => {
  let waiting = 0, most = 0, all = 0, submits = 0;
  const gpu = {
    lost: new Promise(() => {}),
    addEventListener: () => {},
    queue: {
      writeBuffer: (_buffer: unknown, offset: number, _data: unknown, from: number, bytes: number) => {
        assertEquals([offset % 4, from % 4, bytes % 4], [0, 0, 0]);
        all += bytes;
        most = Math.max(most, waiting += bytes);
      },
      submit: () => {
        waiting = 0;
        submits++;
      },
    },
  } as unknown as GPUDevice;
  const device = new Device(gpu, 2 ** 27), mebi = 2 ** 20;
  // An embedding of 150 MiB, then forty matrices of 3 MiB and as many small vectors.
  device.write({} as GPUBuffer, new Uint8Array(150 * mebi));
  const matrix = new Uint8Array(3 * mebi), vector = new Float32Array(64);
  for (let i = 0; i < 40; i++) {
    device.write({} as GPUBuffer, matrix);
    device.write({} as GPUBuffer, vector);
  }
  assertEquals(all, 270 * mebi + 40 * 256);
  assert(most <= 8 * mebi && submits >= 270 / 8, `${most / mebi} MiB waited, ${submits} submits`);
});
