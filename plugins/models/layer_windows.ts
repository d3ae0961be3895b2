/**
 * Windows of families whose `layer_types` says which layers have one, as transformers 5.17's classes read it.
 * @module
 */
import type { ConfigFields } from "./config_fields.ts";

/**
 * Window of each layer: `layer_types` names each; without it every `period`-th has none.
 * @param period Asked where there is no `layer_types`
 * @throws {RangeError} If layers have a window whose size is null
 */
export function windowsByType(
  fields: ConfigFields,
  layers: number,
  period: () => number,
): (number | null)[] {
  const types = fields.texts("layer_types") ?? typesByPeriod(layers, period());
  const isOpen = hasNoWindow(fields);
  if (isOpen && types.includes("sliding_attention")) {
    throw fields.unsupported("sliding_window", "layers of type sliding_attention need it");
  }
  const window = isOpen ? null : fields.count("sliding_window", 4096);
  return Array.from({ length: layers }, (_, i) => types[i] === "sliding_attention" ? window : null);
}

/** True if config.json says that there is no window: `sliding_window` is null. */
export function hasNoWindow(fields: ConfigFields): boolean {
  return fields.mentions("sliding_window") && !fields.has("sliding_window");
}

function typesByPeriod(layers: number, period: number): string[] {
  return Array.from(
    { length: layers },
    (_, i) => (i + 1) % period === 0 ? "full_attention" : "sliding_attention",
  );
}
