/** Frozen matrices that lie in 16 bits or in ggml's blocks with the CPU's own operators: float32's bits, whatever the shapes, vectors and threads. */
import { assert, assertEquals, assertThrows } from "@std/assert";

import { f64, item, numbersBy, u16, u32 } from "../../../formats/elements.ts";
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { GGML_TYPES } from "../../../formats/gguf/mod.ts";
import { type PackedMatrix, quantized, unpacked } from "../../../formats/packed/mod.ts";
import { type Backend, elements, type Tensor } from "../../backend.ts";
import { hostArray, kernelGraph, sampleInputs } from "../../contract.ts";
import { type Graph, GraphBuilder } from "../../graph.ts";
import type { Arrays, Attributes, Kernel, Sample } from "../../kernel.ts";
import { KERNELS } from "../../mod.ts";
import { type BlockForm, isBlockForm, isGroupForm, nativeLibrary, vectorBits } from "../../native/mod.ts";
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
    ? new Uint16Array(
      new Float16Array(numbersBy(values.length, (i) => Math.max(-65504, Math.min(65504, f64(values, i)))))
        .buffer,
    )
    : upperHalves(new Uint32Array(Float32Array.from(values).buffer));
}

function upperHalves(words: Uint32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(numbersBy(words.length, (i) => u32(words, i) >>> 16));
}

/** The float32s that they are, by JavaScript's own numbers or by the bits. */
function floatsOf(bits: Uint16Array<ArrayBuffer>, type: HalfType): Float32Array<ArrayBuffer> {
  return type === "f16"
    ? Float32Array.from(new Float16Array(bits.buffer))
    : new Float32Array(new Uint32Array(numbersBy(bits.length, (i) => u16(bits, i) * 2 ** 16)).buffer);
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

/** Values of a matrix as bytes without a pattern. */
const byteOf = (values: Float64Array, i: number) =>
  Math.floor(Math.abs(f64(values, i % values.length)) * 65_521) + 37 * i;

/** Blocks with scales of both signs, minima and all codes, and the float32s that they are as files are read. */
function blocksOf(values: Float64Array, type: BlockForm) {
  const { blockSize, blockBytes, dequantize } = Object.values(GGML_TYPES).find(({ name }) => name === type)!;
  const count = values.length / blockSize,
    bytes = new Uint8Array(numbersBy(count * blockBytes, (i) => byteOf(values, i)));
  const table = new DataView(bytes.buffer);
  for (let block = 0; block < count; block++) {
    const at = block * blockBytes + (type === "Q6_K" ? blockBytes - 2 : 0);
    table.setFloat16(at, item(values, blockSize * block) / 8, true);
    if (/_1$|[45]_K/.test(type)) table.setFloat16(at + 2, item(values, blockSize * block + 1), true);
  }
  // Of rows apart: so many at once lie in a file's piece.
  const floats = new Float32Array(values.length), step = 512 * blockSize;
  for (let start = 0; start < values.length; start += step) {
    const part = bytes.slice(start / blockSize * blockBytes, (start + step) / blockSize * blockBytes);
    floats.set(new Float32Array(dequantize!(part).slice().buffer), start);
  }
  return { bytes, floats, blockBytes, blockSize };
}

/** In pieces that end within rows. */
function blockPieces(
  { bytes, blockBytes, blockSize }: ReturnType<typeof blocksOf>,
  type: BlockForm,
): FloatPieces {
  const nothing = () => {
    throw new Error("A matrix of blocks was made float32 on the host");
  };
  const most = 24 * blockBytes,
    parts = Array.from({ length: Math.ceil(bytes.length / most) }, (_, i) => i * most);
  const pieces = () => parts.map((start) => bytes.slice(start, start + most));
  const blocks = { type, blockBytes, blockSize, pieces, dequantize: nothing };
  return {
    type: "f32",
    count: bytes.length / blockBytes * blockSize,
    pieces: nothing,
    float32: nothing,
    blocks,
  };
}

/** Groups of all codes whose scales are float32s of both signs and some zeros. */
function groupsOf(
  values: Float64Array,
  [rows = 0, columns = 0]: readonly number[],
  form: BlockForm,
): PackedMatrix {
  const bits = form.startsWith("G4") ? 4 : 8, groups = values.length / 32;
  const numbers = (first: number) =>
    new Float32Array(numbersBy(groups, (group) => f64(values, 32 * group + first) / 8));
  return {
    rows,
    columns,
    bits,
    codes: new Uint8Array(numbersBy(groups * 4 * bits, (i) => byteOf(values, i))),
    scales: numbers(0),
    minima: form.endsWith("_1") ? numbers(1) : null,
  };
}

/** A matrix as a file has it, the float32s that it is, and bytes that it takes. */
function heldOf(values: Float64Array, shape: readonly number[], form: WidenedType) {
  if (isBlockForm(form) && isGroupForm(form)) {
    const matrix = groupsOf(values, shape, form), { codes, scales, minima } = matrix;
    const bytes = codes.length + scales.byteLength + (minima?.byteLength ?? 0);
    return { put: ({ uploadPacked }: Backend) => uploadPacked?.(matrix), floats: unpacked(matrix), bytes };
  }
  const put = (pieces: FloatPieces) => ({ uploadPieces }: Backend) => uploadPieces?.(pieces, shape);
  if (isBlockForm(form)) {
    const blocks = blocksOf(values, form);
    return { put: put(blockPieces(blocks, form)), floats: blocks.floats, bytes: blocks.bytes.length };
  }
  const bits = bitsOf(values, form);
  return { put: put(piecesOf(bits, form)), floats: floatsOf(bits, form), bytes: bits.byteLength };
}

/** Forms of a graph's inputs; those that aren't named are float32. */
type Forms = Readonly<Record<string, WidenedType>>;

/** Values of a graph's inputs; matrices as a file has them, and as the float32s that those are. */
interface Given {
  inputs: Arrays;
  sizes: Readonly<Record<string, number>>;
  held: Readonly<Record<string, ReturnType<typeof heldOf>>>;
}

function givenOf(
  graph: Graph,
  { inputs, sizes, forms }: { inputs: Arrays; sizes: Readonly<Record<string, number>>; forms: Forms },
): Given {
  const held = Object.entries(forms).map(([name, form]) =>
    [name, heldOf(inputs[name]!, shapeIn(graph, name, sizes), form)] as const
  );
  return { inputs, sizes, held: Object.fromEntries(held) };
}

const shapeIn = (graph: Graph, name: string, sizes: Readonly<Record<string, number>>) =>
  concreteShape(graph.inputs[name]!, new Map(Object.entries(sizes)));

/** Outputs of a run before which each function was called, with matrices as a file has them, or with the float32s that those are. */
async function outputsOf(
  backend: Backend,
  graph: Graph,
  { inputs, sizes, held, wide, before }: Given & { wide: boolean; before: readonly (() => void)[] },
): Promise<Record<string, Uint32Array>[]> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(graph.inputs)) {
    const shape = shapeIn(graph, name, sizes), matrix = held[name];
    if (!matrix) tensors[name] = backend.upload(hostArray(value, inputs[name]), shape);
    else {
      const { put: hold, floats, bytes } = matrix;
      const put = wide ? backend.upload(floats, shape, { frozen: true }) : hold(backend);
      assert(put instanceof HostTensor, `${name} isn't held as the file has it`);
      assertEquals(put.data.byteLength, wide ? 4 * elements(shape) : bytes, `bytes of ${name}`);
      tensors[name] = put;
    }
  }
  const program = await backend.compile(graph, "test"), runs: Record<string, Uint32Array>[] = [];
  for (const begin of before) {
    begin();
    const results = await program.run(tensors), found: Record<string, Uint32Array> = {};
    for (const [name, tensor] of Object.entries(results)) {
      found[name] = new Uint32Array((await backend.download(tensor)).slice().buffer);
    }
    for (const tensor of Object.values(results)) tensor.dispose();
    runs.push(found);
  }
  for (const tensor of Object.values(tensors)) tensor.dispose();
  await program.dispose();
  return runs;
}

/** Whole tiles and their edges, parts of a depth, rows that are few; vocabularies beside chunks. */
function shapesOf({ name, inputs }: Kernel, form: WidenedType): Sample[] {
  const note = "beside tiles",
    kind = !isBlockForm(form) ? "elements" : form.endsWith("_K") ? "blocks of 256" : "blocks of 32";
  if (name.startsWith("label")) {
    return LABELS[kind].map(([labels, cols, vocab]) => ({
      note,
      dims: { labels, cols, vocab },
      data: { ids: Array.from({ length: labels }, (_, i) => (vocab - 1 + 7919 * i) % vocab) },
    }));
  }
  if (name === "gather_rows") {
    const ids = Array.from({ length: 50 }, (_, i) => 7919 * i % 48);
    return [{
      note,
      dims: { labels: 50, rows: 48, cols: kind === "blocks of 256" ? 512 : 96 },
      data: { ids },
    }];
  }
  const rank = 9, attrs: Attributes = { alpha: 0.5 }, depths = DEPTHS[kind];
  // All counts of few rows, and rows in two halves, for one form of each kind.
  const rows = KINDS.includes(form) ? [1, 2, 3, 4, 5, 6, 7, 48, 673] : [1, 6, 7, 97];
  return rows.map((rows, i) => {
    const [depth, out] = item(depths, i % depths.length);
    const dims = name === "lora_up"
      ? { rows, rank: depth, out }
      : { rows, in: depth, out, ...("down" in inputs || "a" in inputs && "w" in inputs ? { rank } : {}) };
    return { note, dims, attrs };
  });
}

type Kind = "elements" | "blocks of 32" | "blocks of 256";

/** Labels, columns and rows of a head. */
const LABELS: Readonly<Record<Kind, readonly (readonly [number, number, number])[]>> = {
  "elements": [[1, 321, 65], [7, 650, 257], [13, 320, 769], [6, 17, 600]],
  "blocks of 32": [[1, 320, 64], [7, 672, 272], [13, 352, 784], [6, 32, 608]],
  "blocks of 256": [[1, 768, 64], [7, 512, 272], [13, 256, 784]],
};

/** Depths and columns of products. Those of blocks are whole tiles both ways, of which parts of a depth (308 of 1536, 336 of 672) end within. */
const DEPTHS: Readonly<Record<Kind, readonly (readonly [number, number])[]>> = {
  "elements": [[321, 65], [9, 40], [640, 17], [330, 70]],
  "blocks of 32": [[320, 64], [32, 96], [672, 32], [1536, 672]],
  "blocks of 256": [[512, 256], [256, 512], [1536, 256]],
};

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

const GGML_FORMS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"] as const;
const GROUP_FORMS = ["G4_0", "G4_1", "G8_0", "G8_1"] as const;

/** A form of each kind of layout: kernels tell no others apart. */
const KINDS: readonly WidenedType[] = ["bf16", "f16", "Q4_1", "Q4_K"];
/** Kernels that read a matrix in every way there is: its rows, along them, across them. */
const EACH_WAY = ["gather_rows", "linear", "matmul", "label_logprob_unit"];

for (const type of ["bf16", "f16", ...GGML_FORMS, ...GROUP_FORMS] as const) {
  const isKind = KINDS.includes(type);
  const kernels = KERNELS.filter(({ name, halves }) => halves && (isKind || EACH_WAY.includes(name)));
  Deno.test({
    name: `${
      isKind ? "every kernel that takes frozen matrices gives" : "kernels give"
    } float32's bits with frozen matrices in ${type}${because}`,
    ignore,
    fn: async (t) => {
      const backend = onnxBackend({ threads: 2 });
      const widths = vectorBits() === 512 ? [256, 512] as const : [256] as const;
      for (const kernel of kernels) {
        const forms = Object.fromEntries(kernel.halves!.map((name) => [name, type]));
        await t.step(kernel.name, async () => {
          for (const sample of [...isBlockForm(type) ? [] : kernel.samples, ...shapesOf(kernel, type)]) {
            const graph = kernelGraph(kernel, sample), inputs = inputsOf(kernel, sample);
            const given = givenOf(graph, { inputs, forms, sizes: sample.dims });
            const [right] = await outputsOf(backend, graph, { ...given, wide: true, before: [() => {}] });
            const before = widths.map((bits) => () => void vectorBits(bits));
            const found = await outputsOf(backend, graph, { ...given, wide: false, before });
            widths.forEach((bits, i) =>
              assertEquals(found[i], right, `${JSON.stringify(sample.dims)}, ${bits} bits`)
            );
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
      const given = { ...givenOf(graph, { inputs, forms: held, sizes: { T: rows } }), before: [() => {}] };
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
    for (const type of [...GGML_FORMS, ...GROUP_FORMS]) {
      const { put: hold, floats } = heldOf(scattered(48 * 512, 1), [48, 512], type), put = hold(backend);
      assert(put instanceof HostTensor);
      assertEquals(await backend.download(put), floats);
      assertThrows(() => backend.write(put, new Float32Array(48 * 512)), TypeError, "it is frozen");
    }
    const others = (type: BlockForm, count: number, shape: readonly number[], name: string = type) => {
      const pieces = blockPieces(blocksOf(scattered(48 * 512, 1), type), type);
      return backend.uploadPieces?.({ ...pieces, count, blocks: { ...pieces.blocks!, type: name } }, shape);
    };
    // 18 rows aren't whole tiles, nor are 40 columns, nor 288 of blocks of 256; of Q2_K and groups a file's blocks aren't known.
    for (
      const [type, count, shape, name] of [
        ["Q4_0", 18 * 256, [18, 256], "Q4_0"],
        ["Q4_0", 48 * 40, [48, 40], "Q4_0"],
        ["Q4_K", 48 * 288, [48, 288], "Q4_K"],
        ["Q4_K", 48 * 512, [48, 512], "Q2_K"],
        ["Q4_0", 48 * 512, [48, 512], "G4_0"],
      ] as const
    ) assertEquals(others(type, count, shape, name), null, `${name} as [${shape}]`);
    for (const [rows, columns] of [[18, 256], [48, 40]] as const) {
      assertEquals(
        backend.uploadPacked?.(quantized(new Float32Array(rows * columns), rows, columns, 4)),
        null,
      );
    }
    await backend.dispose();
  },
});

Deno.test("without operators of our own matrices of 16 bits become float32, and those in few bits aren't taken", async () => {
  const backend = onnxBackend({ native: false, threads: 1 });
  assertEquals(backend.uploadPacked?.(quantized(new Float32Array(16 * 32), 16, 32, 4)), null);
  assertEquals(backend.uploadPieces?.(piecesOf(new Uint16Array(4), "bf16"), [2, 2]), null);
  await backend.dispose();
});
