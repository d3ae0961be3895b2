/** Quantised blocks that the device takes apart: the `gguf` package's values bit for bit, and the host's where it has to make them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import type { FloatPieces } from "../../../../formats/float_pieces.ts";
import { deinterleavedRows, GgufFile, writeGguf } from "../../../../formats/gguf/mod.ts";
import { SafetensorsFile } from "../../../../formats/safetensors/mod.ts";
import type { HostArray } from "../../../backend.ts";
import { testWebGpu } from "../../../testing/backends.ts";
import { blocksSelfTest, madeUpBlocks } from "./blocks_self_check.ts";
import { BLOCK_HALVES } from "./blocks_shader.ts";
import { type WebGpuBackend, webgpuBackend, type WebGpuOptions } from "../mod.ts";

const { name: title, ignore } = await testWebGpu();
const GOLDENS = new URL("../../../../fixtures/goldens/gguf/", import.meta.url).pathname;

function deviceTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (${title})`, ignore, fn });
}

const opened = (
  half: NonNullable<WebGpuOptions["half"]>,
  blocks: "never" | "hardware" | "always" = "always",
) => webgpuBackend({ half, blocks });

/** Values on the device, and bytes of all that was written for them. */
async function put(
  backend: WebGpuBackend,
  pieces: FloatPieces,
  shape: number[],
): Promise<{ values: HostArray; bytes: number }> {
  const { queue } = backend.device, write = queue.writeBuffer;
  let bytes = 0;
  queue.writeBuffer = function (...given) {
    bytes += given[4] ?? 0;
    return write.apply(this, given);
  };
  const tensor = backend.uploadPieces!(pieces, shape);
  queue.writeBuffer = write;
  const values = await backend.download(tensor!);
  tensor!.dispose();
  return { values, bytes };
}

const bits = (values: HostArray) => [...new Int32Array(values.buffer, values.byteOffset, values.length)];

/** Most bytes beside the file's own: sizes of a dispatch, and what fills a write up. */
const MORE = 20;

deviceTest(
  "a device makes the gguf package's values of every type's blocks, and only the file's bytes go there",
  async () => {
    using file = new GgufFile(join(GOLDENS, "quants.gguf"));
    using golden = new SafetensorsFile(join(GOLDENS, "quants.safetensors"));
    for (const half of ["none", "exact", "rounded"] as const) {
      const backend = await opened(half);
      assertStringIncludes(backend.description, "quantised blocks taken apart there");
      for (const type of Object.keys(BLOCK_HALVES)) {
        const name = `tensor.${type}`, { shape, byteLength } = file.info(name);
        const expected = golden.readFloat32(name),
          { values, bytes } = await put(backend, file.pieces(name), [...shape]);
        const stored = half === "rounded" ? expected.map(Math.f16round) : expected;
        assertEquals(bits(values), bits(stored), `${type}, ${half}`);
        assertEquals(
          bytes >= byteLength && bytes <= byteLength + MORE,
          true,
          `${type}: ${bytes} of ${byteLength}`,
        );
      }
      const count = Object.keys(BLOCK_HALVES).length;
      assertEquals([backend.half.frozen, backend.half.kept], [count, half === "rounded" ? count : 0]);
      await backend.dispose();
    }
  },
);

deviceTest(
  "matrices of several pieces, of one block, and of rows in another order are the host's",
  async () => {
    const path = join(temporaryFolder(), "a.gguf"),
      shapes = { Q4_0: [528, 3584], Q8_0: [176, 5888] } as const;
    const data = (count: number) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * i) / (1 + i % 7));
    const tensors = Object.entries(shapes).map(([encoding, shape]) => ({
      name: encoding,
      shape,
      encoding: encoding as keyof typeof shapes,
      data: () => data(shape[0] * shape[1]),
    }));
    const small = { name: "one", shape: [1, 32], encoding: "Q8_0" as const, data: () => data(32) };
    writeGguf(path, new Map([["general.architecture", { type: "string", value: "llama" }]]), [
      ...tensors,
      small,
    ]);
    using file = new GgufFile(path);
    const backend = await opened("rounded");
    for (const { name, shape } of [...tensors, small]) {
      const orders = shape[0] > 1 ? [null, deinterleavedRows(shape[0], 4)] : [null];
      for (const order of orders) {
        const pieces = file.pieces(name, order), { values } = await put(backend, pieces, [...shape]);
        const expected = file.readFloat32(name, order).map(Math.f16round), found = bits(values);
        assertEquals(found.length, expected.length);
        assertEquals(
          bits(expected).findIndex((value, i) => value !== found[i]),
          -1,
          `${name} ${order !== null}`,
        );
      }
    }
    await backend.dispose();
  },
);

/** Made-up blocks as a tensor; its own numbers come from the host. */
function tensorOf(
  type: string,
  change: (bytes: Uint8Array) => void,
): { pieces: FloatPieces; shape: number[] } {
  const blocks = madeUpBlocks(type);
  change(blocks.bytes);
  const values = () => new Float32Array(blocks.dequantize(blocks.bytes).slice().buffer),
    count = values().length;
  return {
    pieces: {
      type: "f32",
      count,
      pieces: () => [new Uint8Array(values().buffer)],
      blocks,
      float32: values,
    },
    shape: [count / blocks.blockSize, blocks.blockSize],
  };
}

deviceTest(
  "blocks with scales of 8 or more, infinite ones, and those that float16 may hold are made by the host",
  async () => {
    const cases: [string, "exact" | "rounded", (bytes: Uint8Array) => void, boolean][] = [
      ["a scale of 8 in the last block", "rounded", (bytes) => bytes.set([0, 0x48], bytes.length - 18), true],
      ["an infinite scale", "rounded", (bytes) => bytes.set([0, 0x7c], 18), false],
      ["an infinite scale", "exact", (bytes) => bytes.set([0, 0xfc], 18), false],
      ["small whole numbers", "exact", (bytes) => {
        for (let p = 0; p < bytes.length; p += 18) bytes.set([0, 0x3c], p);
      }, true],
    ];
    for (const [what, half, change, kept] of cases) {
      const ours = await opened(half), hosts = await opened(half, "never");
      const { pieces, shape } = tensorOf("Q4_0", change);
      const [found, expected] = [await put(ours, pieces, shape), await put(hosts, pieces, shape)];
      assertEquals(bits(found.values), bits(expected.values), what);
      assertEquals([ours.half.kept, hosts.half.kept], [Number(kept), Number(kept)], what);
      await ours.dispose();
      await hosts.dispose();
    }
  },
);

deviceTest(
  "a device that makes other bits of one block isn't trusted with any, nor is a CPU asked",
  async () => {
    const backend = await opened("exact", "hardware");
    assertEquals(backend.description.includes("quantised blocks"), !backend.software);
    const given = await opened("exact");
    const loader = {
      load: (...[from, shape, storage]: Parameters<Parameters<typeof blocksSelfTest>[0]["load"]>) => {
        const values = new Float32Array(from.dequantize([...from.pieces()][0]!).slice().buffer);
        if (storage === "rounded") values.forEach((value, i) => values[i] = Math.f16round(value));
        if (from.type === "Q5_K" && storage === wrong) values[777]! += 2 ** -10;
        return given.upload(values, shape) as ReturnType<Parameters<typeof blocksSelfTest>[0]["load"]>;
      },
    };
    let wrong = "";
    assertEquals(await blocksSelfTest(loader, given), true);
    for (wrong of ["none", "rounded"]) assertEquals(await blocksSelfTest(loader, given), false, wrong);
    assertEquals(await blocksSelfTest({ load: () => null }, given), false);
    await backend.dispose();
    await given.dispose();
  },
);
