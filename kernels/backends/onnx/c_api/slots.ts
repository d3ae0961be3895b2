/**
 * Functions of ONNX Runtime's C interface, `struct OrtApi` of include/onnxruntime/core/session/onnxruntime_c_api.h: a table of
 * pointers without names, so that a place in it is all that tells one from another. The table only grows: a place never
 * changes its meaning. Places and signatures are those of version 1.30; another version of the library isn't called.
 * @module
 */

/** Version of the library that the table is of; onnxruntime-node of the same version carries it. */
export const ORT_VERSION = "1.30.0";
/** Version to ask `OrtApiBase.GetApi` for: ORT_API_VERSION of that header. */
export const ORT_API_VERSION = 30;

const pointer = "pointer", buffer = "buffer", i32 = "i32", usize = "usize";

/** A function that returns an OrtStatus, null when it went well. */
function call<const P extends readonly Deno.NativeType[]>(slot: number, ...parameters: P) {
  return { slot, parameters, result: pointer } as const;
}
/** A function that frees what it is given. */
function free(slot: number) {
  return { slot, parameters: [pointer], result: "void" } as const;
}

/** Name → place in the table and signature. An `out` parameter is a buffer that the result is written to. */
export const SLOTS = {
  GetErrorCode: { slot: 1, parameters: [pointer], result: i32 },
  GetErrorMessage: { slot: 2, parameters: [pointer], result: pointer },
  CreateEnv: call(3, i32, buffer, buffer),
  CreateSession: call(7, pointer, buffer, pointer, buffer),
  CreateSessionFromArray: call(8, pointer, buffer, usize, pointer, buffer),
  Run: call(9, pointer, pointer, buffer, buffer, usize, buffer, usize, buffer),
  CreateSessionOptions: call(10, buffer),
  EnableProfiling: call(14, pointer, buffer),
  DisableMemPattern: call(17, pointer),
  DisableCpuMemArena: call(19, pointer),
  SetSessionLogSeverityLevel: call(22, pointer, i32),
  SetSessionGraphOptimizationLevel: call(23, pointer, i32),
  SetIntraOpNumThreads: call(24, pointer, i32),
  SetInterOpNumThreads: call(25, pointer, i32),
  SessionGetInputCount: call(30, pointer, buffer),
  SessionGetOutputCount: call(31, pointer, buffer),
  SessionGetInputName: call(36, pointer, usize, pointer, buffer),
  SessionGetOutputName: call(37, pointer, usize, pointer, buffer),
  CreateRunOptions: call(39, buffer),
  RunOptionsSetTerminate: call(46, pointer),
  RunOptionsUnsetTerminate: call(47, pointer),
  CreateTensorAsOrtValue: call(48, pointer, buffer, usize, i32, buffer),
  CreateTensorWithDataAsOrtValue: call(49, pointer, pointer, usize, buffer, usize, i32, buffer),
  GetTensorMutableData: call(51, pointer, buffer),
  GetTensorElementType: call(60, pointer, buffer),
  GetDimensionsCount: call(61, pointer, buffer),
  GetDimensions: call(62, pointer, buffer, usize),
  GetTensorTypeAndShape: call(65, pointer, buffer),
  CreateMemoryInfo: call(68, buffer, i32, i32, i32, buffer),
  MemoryInfoGetName: call(71, pointer, buffer),
  AllocatorFree: call(76, pointer, pointer),
  GetAllocatorWithDefaultOptions: call(78, buffer),
  ReleaseStatus: free(93),
  ReleaseMemoryInfo: free(94),
  ReleaseSession: free(95),
  ReleaseValue: free(96),
  ReleaseRunOptions: free(97),
  ReleaseTensorTypeAndShapeInfo: free(99),
  ReleaseSessionOptions: free(100),
  SessionEndProfiling: call(110, pointer, pointer, buffer),
  GetAvailableProviders: call(125, buffer, buffer),
  ReleaseAvailableProviders: call(126, pointer, i32),
  AddSessionConfigEntry: call(130, pointer, buffer, buffer),
  CreateAllocator: call(131, pointer, pointer, buffer),
  ReleaseAllocator: free(132),
  RunWithBinding: call(133, pointer, pointer, pointer),
  CreateIoBinding: call(134, pointer, buffer),
  ReleaseIoBinding: free(135),
  BindInput: call(136, pointer, buffer, pointer),
  BindOutput: call(137, pointer, buffer, pointer),
  BindOutputToDevice: call(138, pointer, buffer, pointer),
  GetBoundOutputValues: call(140, pointer, pointer, buffer, buffer),
  ClearBoundInputs: free(141),
  ClearBoundOutputs: free(142),
  CreateAndRegisterAllocator: call(144, pointer, pointer, pointer),
  ReleaseArenaCfg: free(157),
  CreateArenaCfgV2: call(164, buffer, buffer, usize, buffer),
  AddRunConfigEntry: call(165, pointer, buffer, buffer),
  GetTensorMemoryInfo: call(194, pointer, buffer),
  SynchronizeBoundOutputs: call(203, pointer),
  SessionOptionsAppendExecutionProvider_CUDA_V2: call(204, pointer, pointer),
  CreateCUDAProviderOptions: call(205, buffer),
  UpdateCUDAProviderOptions: call(206, pointer, buffer, buffer, usize),
  ReleaseCUDAProviderOptions: free(208),
  AddExternalInitializers: call(210, pointer, buffer, buffer, usize),
  SessionOptionsAppendExecutionProvider: call(216, pointer, buffer, buffer, buffer, usize),
  RegisterCustomOpsLibrary_V2: call(228, pointer, buffer),
  GetKeyValuePairs: { slot: 298, parameters: [pointer, buffer, buffer, buffer], result: "void" },
  ReleaseKeyValuePairs: free(300),
  AllocatorGetStats: call(319, pointer, buffer),
} as const;

/** The functions by name, as a program calls them. */
export type OrtFunctions = {
  readonly [Name in keyof typeof SLOTS]: Deno.UnsafeFnPointer<(typeof SLOTS)[Name]>["call"];
};
/** Those that can run beside the JavaScript thread. */
export type OrtAsyncFunctions = {
  readonly [Name in "Run" | "RunWithBinding"]: Deno.UnsafeFnPointer<
    (typeof SLOTS)[Name] & { nonblocking: true }
  >["call"];
};
