/**
 * Identities of the plugins that made a product, for keys of what is cached by it: answers, verdicts, encoded data.
 * @module
 */
const makers = new WeakMap<object, readonly string[]>();

/**
 * The plugins that made a product, innermost first: each as `kind/name version`, a hash of its source where it isn't built in,
 * and a hash of its options where the product doesn't say itself what decides about its results (`identity`). Empty for what
 * was made by hand.
 */
export function productIdentity(product: object): readonly string[] {
  return makers.get(product) ?? [];
}

/** Notes that these plugins made a product, after those that are noted already. */
export function recordMakers(product: object, plugins: readonly string[]): void {
  makers.set(product, [...new Set([...productIdentity(product), ...plugins])]);
}
