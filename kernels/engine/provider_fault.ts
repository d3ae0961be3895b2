/**
 * Backends that have no execution providers.
 * @module
 */

/** Reason why a provider can't go with a backend; null where it can. */
export function providerFault({ backend, provider }: { backend: string; provider: string }): string | null {
  if (provider === "cpu" || backend === "onnx" || backend === "auto") return null;
  return `Cannot use provider: ${provider} with backend: ${backend}: providers are ONNX Runtime's; ` +
    "leave provider out, or use backend: onnx";
}
