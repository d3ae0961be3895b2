/**
 * AdamW where the tensors live: in the host's memory one loop in float64 passes over everything once; on a device kernels do
 * it, and parameters, gradients and moments stay there.
 * @module
 */
import type { AdamWOptions } from "./adamw.ts";
import { DeviceOptimizer } from "./device_optimizer.ts";
import { HostOptimizer } from "./host_optimizer.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Parameters } from "../weights/parameters.ts";

/** The optimizer that fits where a model's tensors live. */
export function makeOptimizer(parameters: Parameters, options: AdamWOptions): Optimizer {
  return parameters.backend.hostMemory
    ? new HostOptimizer(parameters, options)
    : new DeviceOptimizer(parameters.backend, parameters.tuned, options);
}
