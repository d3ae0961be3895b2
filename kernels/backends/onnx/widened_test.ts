/** Frozen matrices that lie in 16 bits or in ggml's blocks with the CPU's own operators: float32's bits, whatever the shapes, vectors and threads. */
import { assert, assertEquals, assertThrows } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { type Backend, elements, type Tensor } from "../../backend.ts";
import { hostArray, kernelGraph, sampleInputs } from "../../contract.ts";
import { type Graph, GraphBuilder } from "../../graph.ts";
import type { Arrays, Attributes, Kernel, Sample } from "../../kernel.ts";
import { KERNELS } from "../../mod.ts";
import { type BlockForm, isBlockForm, nativeLibrary, vectorBits } from "../../native/mod.ts";
import type { HalfType, WidenedType } from "../../onnx_node.ts";
import { linear } from "../../ops/products/products.ts";
import { concreteShape } from "../../sizes.ts";
import { scattered } from "../../testing/scattered.ts";
import { openLibrary } from "./c_api/mod.ts";
import { onnxBackend } from "./mod.ts";
import { HostTensor } from "./tensor.ts";

const reason = openLibrary().reason ?? nativeLibrary().reason, ignore = reason !== null;
const because = reason === null ? "" : `: ${reason}`;

/** The 16 bits of numbers that have no more: what float32 has behind them is cut off. */
function bitsOf(values: Float64Array, type: HalfType): Uint16Array<ArrayBuffer> {
  return type === "f16"
    ? new Uint16Array(Float16Array.from(values, (value) => Math.max(-65504, Math.min(65504, value))).buffer)
    : Uint16Array.from(
      new Uint32Array(Float32Array.from(values).buffer),
      (bits) => bits >>> 16,
    );
}

/** The float32s that they are, by JavaScript's own numbers or by the bits. */
function floatsOf(bits: Uint16Array<ArrayBuffer>, type: HalfType): Float32Array<ArrayBuffer> {
  return type === "f16"
    ? Float32Array.from(new Float16Array(bits.buffer))
    : new Float32Array(Uint32Array.from(bits, (half) => half * 2 ** 16).buffer);
}

function piecesOf(bits: Uint16Array<ArrayBuffer>, type: HalfType): FloatPieces {
  return {
    type,
    count: bits.length,
    pieces: () => [new Uint8Array(bits.slice().buffer)],
    float32: () => {
      throw new Error("A matrix of 16 bits was made float32 on the host");
    },
  };
}

/** Blocks with scales of both signs, minima and all codes, and the float32s that they are by ggml-quants.c's formulas. */
function blocksOf(values: Float64Array, type: BlockForm) {
  const head = type === "Q4_1" ? 4 : 2, codes = type === "Q8_0" ? 32 : 16, blockBytes = head + codes;
  const count = values.length / 32,
    bytes = new Uint8Array(count * blockBytes),
    table = new DataView(bytes.buffer);
  const floats = new Float32Array(values.length);
  for (let block = 0; block < count; block++) {
    const at = block * blockBytes,
      d = Math.f16round(values[32 * block]! / 8),
      m = Math.f16round(values[32 * block + 1]!);
    table.setFloat16(at, d, true);
    if (head === 4) table.setFloat16(at + 2, m, true);
    for (let i = 0; i < codes; i++) {
      bytes[at + head + i] = Math.floor(Math.abs(values[32 * block + i]!) * 65_521) + 37 * i;
    }
    for (let i = 0; i < 32; i++) {
      const byte = bytes[at + head + i % codes]!, q = i < 16 ? byte & 15 : byte >> 4;
      floats[32 * block + i] = type === "Q8_0"
        ? d * (byte << 24 >> 24)
        : type === "Q4_0"
        ? d * (q - 8)
        : Math.fround(d * q) + m;
    }
  }
  return { bytes, floats, blockBytes };
}

/** In pieces that end within rows. */
function blockPieces({ bytes, blockBytes }: ReturnType<typeof blocksOf>, type: BlockForm): FloatPieces {
  const nothing = () => {
    throw new Error("A matrix of blocks was made float32 on the host");
  };
  const most = 24 * blockBytes,
    parts = Array.from({ length: Math.ceil(bytes.length / most) }, (_, i) => i * most);
  const pieces = () => parts.map((start) => bytes.slice(start, start + most));
  const blocks = { type, blockBytes, blockSize: 32, pieces, dequantize: nothing };
  return { type: "f32", count: bytes.length / blockBytes * 32, pieces: nothing, float32: nothing, blocks };
}

/** A matrix as a file has it, the float32s that it is, and bytes that it takes. */
function heldOf(values: Float64Array, form: WidenedType) {
  if (isBlockForm(form)) {
    const blocks = blocksOf(values, form);
    return { pieces: blockPieces(blocks, form), floats: blocks.floats, bytes: blocks.bytes.length };
  }
  const bits = bitsOf(values, form);
  return { pieces: piecesOf(bits, form), floats: floatsOf(bits, form), bytes: bits.byteLength };
}

/** Forms of a graph's inputs; those that aren't named are float32. */
type Forms = Readonly<Record<string, WidenedType>>;

/** Outputs, with matrices as a file has them, or with the float32s that those are. */
async function outputsOf(
  backend: Backend,
  graph: Graph,
  { inputs, sizes, forms, wide }: {
    inputs: Arrays;
    sizes: Readonly<Record<string, number>>;
    forms: Forms;
    wide: boolean;
  },
): Promise<Record<string, Uint32Array>> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(graph.inputs)) {
    const shape = concreteShape(value, new Map(Object.entries(sizes))), form = forms[name];
    if (!form) tensors[name] = backend.upload(hostArray(value, inputs[name]), shape);
    else {
      const { pieces, floats, bytes } = heldOf(inputs[name]!, form);
      const put = wide
        ? backend.upload(floats, shape, { frozen: true })
        : backend.uploadPieces?.(pieces, shape);
      assert(put instanceof HostTensor, `${name} isn't held as the file has it`);
      assertEquals(put.data.byteLength, wide ? 4 * elements(shape) : bytes, `bytes of ${name}`);
      tensors[name] = put;
    }
  }
  const program = await backend.compile(graph, "test"), results = await program.run(tensors);
  const found: Record<string, Uint32Array> = {};
  for (const [name, tensor] of Object.entries(results)) {
    found[name] = new Uint32Array((await backend.download(tensor)).slice().buffer);
  }
  for (const tensor of [...Object.values(results), ...Object.values(tensors)]) tensor.dispose();
  await program.dispose();
  return found;
}

/** Whole tiles and their edges, parts of a depth, rows that are few; vocabularies beside chunks. */
function shapesOf({ name, inputs }: Kernel, form: WidenedType): Sample[] {
  const note = "beside tiles", inBlocks = isBlockForm(form);
  if (name.startsWith("label")) {
    const sizes = inBlocks
      ? [[1, 320, 64], [7, 672, 272], [13, 352, 784], [6, 32, 608]]
      : [[1, 321, 65], [7, 650, 257], [13, 320, 769], [6, 17, 600]];
    return sizes.map((
      [labels = 0, cols = 0, vocab = 0],
    ) => ({
      note,
      dims: { labels, cols, vocab },
      data: { ids: Array.from({ length: labels }, (_, i) => (vocab - 1 + 7919 * i) % vocab) },
    }));
  }
  if (name === "gather_rows") {
    const ids = Array.from({ length: 50 }, (_, i) => 7919 * i % 48);
    return [{ note, dims: { labels: 50, rows: 48, cols: 96 }, data: { ids } }];
  }
  const rank = 9, attrs: Attributes = { alpha: 0.5 };
  const rows = [1, 2, 3, 4, 5, 6, 7, 48, 673];
  // Whole tiles of blocks both ways, of which parts of a depth (308 of 1536, 336 of 672) end within.
  const depths: readonly (readonly [number, number])[] = inBlocks
    ? [[320, 64], [32, 96], [672, 32], [1536, 672]]
    : [[321, 65], [9, 40], [640, 17], [330, 70]];
  return rows.map((rows, i) => {
    const [depth, out] = item(depths, i % depths.length);
    const dims = name === "lora_up"
      ? { rows, rank: depth, out }
      : { rows, in: depth, out, ...("down" in inputs || "a" in inputs && "w" in inputs ? { rank } : {}) };
    return { note, dims, attrs };
  });
}

/** A sample's inputs without a pattern; of matrices some numbers at their ends. */
function inputsOf(kernel: Kernel, sample: Sample): Arrays {
  const given: Arrays = { ...sampleInputs(kernel, sample) };
  if (sample.note !== "beside tiles") return given;
  Object.entries(given).forEach(([name, values], seed) => {
    if (kernel.integers?.includes(name)) return;
    given[name] = scattered(values.length, seed);
    // Zeros of both signs, and what float16 has as subnormals.
    if (kernel.halves?.includes(name)) {
      [0, -0, 2 ** -24, -(2 ** -15)].forEach((v, i) => given[name]![7 * i] = v);
    }
  });
  return given;
}

for (const type of ["bf16", "f16", "Q4_0", "Q4_1", "Q8_0"] as const) {
  Deno.test({
    name: `every kernel that takes frozen matrices gives float32's bits with them in ${type}${because}`,
    ignore,
    fn: async (t) => {
      const backend = onnxBackend({ threads: 2 }), widest = vectorBits();
      for (const kernel of KERNELS.filter(({ halves }) => halves)) {
        const forms = Object.fromEntries(kernel.halves!.map((name) => [name, type]));
        await t.step(kernel.name, async () => {
          for (const sample of [...isBlockForm(type) ? [] : kernel.samples, ...shapesOf(kernel, type)]) {
            const graph = kernelGraph(kernel, sample), inputs = inputsOf(kernel, sample);
            const given = { inputs, forms, sizes: sample.dims };
            const right = await outputsOf(backend, graph, { ...given, wide: true });
            for (const bits of widest === 512 ? [256, 512] as const : [256] as const) {
              vectorBits(bits);
              const found = await outputsOf(backend, graph, { ...given, wide: false });
              assertEquals(found, right, `${JSON.stringify(sample.dims)}, ${bits} bits`);
            }
          }
        });
      }
      vectorBits(0);
      await backend.dispose();
    },
  });
}

Deno.test({
  name:
    `products of the same rows with matrices of unlike forms are one operator, to the same bits${because}`,
  ignore,
  async fn() {
    const forms = ["bf16", null, "Q4_1"] as const, backend = onnxBackend({ threads: 2 }), columns = 96;
    const g = new GraphBuilder(), x = g.input("x", ["T", columns]);
    const outputs = Object.fromEntries(
      forms.map((_, i) => [`y${i}`, g.run(linear, { x, w: g.input(`w${i}`, [48, columns]) }).y]),
    );
    const graph = g.finish(outputs);
    for (const rows of [3, 40]) {
      const inputs: Arrays = { x: scattered(rows * columns, 3) }, held: Record<string, WidenedType> = {};
      forms.forEach((form, i) => {
        inputs[`w${i}`] = scattered(48 * columns, 4 + i);
        if (form) held[`w${i}`] = form;
      });
      const given = { inputs, forms: held, sizes: { T: rows } };
      const right = await outputsOf(backend, graph, { ...given, wide: true });
      assertEquals(await outputsOf(backend, graph, { ...given, wide: false }), right);
    }
    await backend.dispose();
  },
});

Deno.test({
  name: `matrices of 16 bits lie as they are, are given back exactly, and can't be written to${because}`,
  ignore,
  async fn() {
    const backend = onnxBackend({ threads: 1 });
    for (const type of ["bf16", "f16"] as const) {
      const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
      const put = backend.uploadPieces?.(piecesOf(bits, type), [256, 256]);
      assert(put instanceof HostTensor);
      assertEquals([put.data, put.form, put.stored], [bits, type, type]);
      const plain = backend.upload(new Float32Array(4), [2, 2], { frozen: true }) as HostTensor;
      assertEquals([plain.form, plain.stored], [null, "f32"]);
      for (const [data, half] of [[bits, null], [new Float32Array(4), type]] as const) {
        assertThrows(
          () => new HostTensor(data, [2, 2], null, half),
          TypeError,
          `isn't ${half ?? "float32 or int32"}`,
        );
      }
      // As bits, for numbers that aren't equal to themselves; a signalling one may become a quiet one.
      const found = new Uint32Array((await backend.download(put)).buffer);
      const right = new Uint32Array(floatsOf(bits, type).buffer);
      for (let i = 0; i < bits.length; i++) {
        const isNumber = type === "f16" ? (i & 0x7fff) <= 0x7c00 : (i & 0x7fff) <= 0x7f80;
        if (isNumber) assertEquals(found[i], right[i], `${type} ${i.toString(16)}`);
        else assert(Number.isNaN(new Float32Array(found.buffer)[i]!), `${type} ${i.toString(16)}`);
      }
      // Vectors, and float32 files, stay float32.
      assertEquals(backend.uploadPieces?.(piecesOf(bits, type), [65_536]), null);
      assertEquals(backend.uploadPieces?.({ ...piecesOf(bits, type), type: "f32" }, [256, 256]), null);
      assertThrows(
        () => backend.uploadPieces?.(piecesOf(bits, type), [256, 255]),
        TypeError,
        "Cannot upload 65536 elements as [256,255]: that shape has 65280",
      );
      let refused = "";
      try {
        backend.write(put, new Float32Array(65_536));
      } catch (error) {
        refused = String(error);
      }
      assertEquals(refused, "TypeError: Cannot write to a tensor of shape [256,256]: it is frozen");
    }
    await backend.dispose();
  },
});

Deno.test({
  name:
    `matrices of blocks are given back exactly, and those of other types or of parts of tiles become float32${because}`,
  ignore,
  async fn() {
    const backend = onnxBackend({ threads: 1 });
    for (const type of ["Q4_0", "Q4_1", "Q8_0"] as const) {
      const blocks = blocksOf(scattered(48 * 96, 1), type), pieces = blockPieces(blocks, type);
      const put = backend.uploadPieces?.(pieces, [48, 96]);
      assert(put instanceof HostTensor);
      assertEquals(await backend.download(put), blocks.floats);
      assertThrows(() => backend.write(put, new Float32Array(48 * 96)), TypeError, "it is frozen");
      // 144 rows of 32, or 24 of 192, would do; 18 rows aren't whole tiles, nor are 40 columns.
      assertEquals(backend.uploadPieces?.({ ...pieces, count: 18 * 256 }, [18, 256]), null);
      assertEquals(backend.uploadPieces?.({ ...pieces, count: 48 * 40 }, [48, 40]), null);
      assertEquals(
        backend.uploadPieces?.({ ...pieces, blocks: { ...pieces.blocks!, type: "Q5_1" } }, [48, 96]),
        null,
      );
    }
    await backend.dispose();
  },
});

Deno.test("without operators of our own matrices of 16 bits become float32", async () => {
  const backend = onnxBackend({ native: false, threads: 1 });
  assertEquals(backend.uploadPieces?.(piecesOf(new Uint16Array(4), "bf16"), [2, 2]), null);
  await backend.dispose();
});
