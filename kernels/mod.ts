/**
 * Numerics: kernels, graphs, reverse-mode differentiation and the backends that run them.
 * @module
 */
export * from "./kernel.ts";
export type * from "./onnx_node.ts";
export type * from "./wgsl_program.ts";
export * from "./graph.ts";
export * from "./autodiff.ts";
export * from "./backend.ts";
export { fillUniform, type Stream, stream, type StreamPlace, uniform } from "./random/counter.ts";
export { KERNELS } from "./ops/mod.ts";
export { referenceBackend } from "./backends/reference/mod.ts";
export type { BlockForm } from "./native/mod.ts";
export { onnxBackend, type OnnxOptions } from "./backends/onnx/mod.ts";
export type { OnnxProvider } from "./backends/onnx/sessions.ts";
export type { HalfStorage } from "./backends/webgpu/device/half.ts";
export { isSoftware, type WebGpuBackend, webgpuBackend, type WebGpuOptions } from "./backends/webgpu/mod.ts";
