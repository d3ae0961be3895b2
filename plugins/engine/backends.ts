/**
 * Backends by their names in a configuration.
 * @module
 */
import type { Backend } from "../../kernels/backend.ts";
import { onnxBackend } from "../../kernels/backends/onnx/mod.ts";
import { referenceBackend } from "../../kernels/backends/reference/mod.ts";
import type { BackendChoice } from "./host.ts";

/**
 * Makes a backend.
 * @throws {RangeError} If it can't run here; never another one in its place.
 */
export function makeBackend({ backend, provider, threads }: BackendChoice): Promise<Backend> {
  switch (backend) {
    case "reference":
      return Promise.resolve(referenceBackend());
    case "onnx":
      return Promise.resolve(onnxBackend({ provider, ...(threads !== null && { threads }) }));
    case "webgpu":
      return Promise.reject(
        new RangeError('Cannot use backend "webgpu": it is not part of this version. Use backend: onnx'),
      );
  }
}
