/**
 * The optimizer where the tensors live: in the host's memory loops in float64 pass over everything; on a device kernels do
 * it, and parameters, gradients and moments stay there, which AdamW has alone.
 * @module
 */
import { DeviceOptimizer } from "./device_optimizer.ts";
import { HostOptimizer } from "./host_optimizer.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Parameters } from "../weights/parameters.ts";
import { type OptimizerOptions, ruleOf } from "./rules.ts";

/**
 * The optimizer that fits where a model's tensors live.
 * @throws {RangeError} If an option is out of range, or the optimizer has no kernels and the tensors live on a device
 */
export function makeOptimizer(parameters: Parameters, options: OptimizerOptions): Optimizer {
  const { backend } = parameters;
  if (backend.hostMemory) return new HostOptimizer(parameters, options);
  if (options.rule !== undefined) {
    throw new RangeError(
      `Cannot step by ${
        ruleOf(options).name
      } as what is trained has to lie in the host's memory: current value is ${backend.name} ` +
        "with tensors on the device; use optim: adamw_torch there, or backend: onnx with cuda_tensors: host",
    );
  }
  return new DeviceOptimizer(backend, parameters.tuned, options);
}
