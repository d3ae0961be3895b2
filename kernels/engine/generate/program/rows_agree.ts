/**
 * The library's product with 4-bit weights, of a row alone and beside others. Its kernels for AVX2 don't
 * (version 1.30.0): one row alone is summed in another order than two and more, which all agree. Those for AVX-512 do.
 * @module
 */
import { OnnxModelBuilder } from "../../../backends/onnx/model_builder.ts";
import { type OrtLibrary, OrtSession, OrtTensor } from "../../../backends/onnx/c_api/mod.ts";

const COLUMNS = 128, ROWS = 32;

/** Tries it; some milliseconds. */
export function rowsAgree(library: OrtLibrary): boolean {
  const g = new OnnxModelBuilder(), x = g.input("x", "f32", ["M", COLUMNS]);
  const codes = Uint8Array.from({ length: ROWS * COLUMNS / 2 }, (_, i) => i * 7919 % 256);
  const scales = Float32Array.from({ length: ROWS * COLUMNS / 32 }, (_, i) => 0.01 + (i % 13) / 100);
  const tensors = {
    codes: OrtTensor.over(library, codes, [ROWS, COLUMNS / 32, 16], "u8"),
    scales: OrtTensor.over(library, scales, [scales.length], "f32"),
  };
  const given = { file: "given", offset: 0, length: 0 };
  const inputs = [
    x,
    g.constant("codes", "u8", tensors.codes.shape, { ...given, length: codes.byteLength }),
    g.constant("scales", "f32", tensors.scales.shape, { ...given, length: scales.byteLength }),
  ];
  const attrs = { K: COLUMNS, N: ROWS, bits: 4, block_size: 32, accuracy_level: 4 };
  g.output("y", g.op("MatMulNBits", inputs, attrs, "com.microsoft"), "f32", ["M", ROWS]);
  using session = new OrtSession(library, g.encode("rows"), { threads: 1, initializers: tensors });
  const values = Float32Array.from({ length: 2 * COLUMNS }, (_, i) => Math.sin(1.7 * i));
  const product = (count: number) => {
    const y = new Float32Array(count * ROWS);
    using from = OrtTensor.over(library, values, [count, COLUMNS], "f32");
    using to = OrtTensor.over(library, y, [count, ROWS], "f32");
    session.run({ x: from }, { y: to });
    return y;
  };
  const both = product(2), agree = product(1).every((value, i) => value === both[i]);
  for (const tensor of Object.values(tensors)) tensor.dispose();
  return agree;
}
