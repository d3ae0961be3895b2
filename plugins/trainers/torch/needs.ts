/**
 * Packages that the ranks' Python needs, with the lowest versions that have what is used: FSDP2 and FlexAttention; attention functions
 * by name. python/dinotune_torch/__main__.py checks them.
 * @module
 */

/** Lowest version by package. */
export const NEEDS: Readonly<Record<string, string>> = { torch: "2.6", transformers: "4.56", peft: "0.15" };

/** As pip takes them: `torch>=2.6`. */
export function requirements(names: readonly string[] = Object.keys(NEEDS)): string[] {
  return names.map((name) => `${name}>=${NEEDS[name]}`);
}
