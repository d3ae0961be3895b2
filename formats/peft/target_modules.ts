/**
 * The modules that an adapter's configuration selects, matched as PEFT does (peft/tuners/tuners_utils.py,
 * `check_target_module_exists`; peft/utils/other.py, `get_pattern_key`).
 * @module
 */
import { shortened, shown } from "../message.ts";

/** The fields of a configuration that choose modules. */
export interface TargetFields {
  /** Names or endings of names; or `all-linear`; or one regular expression that fits the whole name. */
  readonly targetModules: string | readonly string[];
  /** Left out though a target; as `targetModules`. */
  readonly excludeModules?: string | readonly string[] | null;
  /** Only these layers. */
  readonly layersToTransform?: number | readonly number[] | null;
  /** Names of the list of layers, such as `layers`; null = any. */
  readonly layersPattern?: string | readonly string[] | null;
}

/**
 * The modules that are meant, in the order of `modules`.
 * @param modules Names of all linear modules but the output head, such as `model.layers.0.self_attn.q_proj`.
 * @throws {RangeError} If none fits.
 * @throws {SyntaxError} If a regular expression isn't one.
 */
export function matchTargets(fields: TargetFields, modules: readonly string[]): string[] {
  const { targetModules: targets, excludeModules: excluded } = fields;
  const isTarget = typeof targets === "string" && targets.toLowerCase() === "all-linear"
    ? () => true
    : matcher(targets, "target_modules");
  const isExcluded = excluded && excluded.length > 0 ? matcher(excluded, "exclude_modules") : () => false;
  const isInLayers = layerFilter(fields);
  // PEFT takes a module that is named in full in whichever layer it is.
  const isNamed = (name: string) => Array.isArray(targets) && targets.includes(name);
  const found = modules.filter((name) =>
    isTarget(name) && !isExcluded(name) && (isNamed(name) || isInLayers(name))
  );
  if (found.length > 0) return found;
  const endings = [...new Set(modules.map((name) => name.slice(name.lastIndexOf(".") + 1)))];
  throw new RangeError(
    `Cannot find a module for target_modules ${shown(targets)}: the model's are ${endings.join(", ")}`,
  );
}

/**
 * Value of a module in `rank_pattern` or `alpha_pattern`: the first key, in the order of the file, that as a regular
 * expression fits the end of the name after a dot or the whole name; else `otherwise`.
 * @throws {SyntaxError} If a key isn't a regular expression.
 */
export function patternValue(
  patterns: Readonly<Record<string, number>>,
  module: string,
  otherwise: number,
): number {
  for (const [key, value] of Object.entries(patterns)) {
    if (expression(`(.*\\.)?(${key})`, "a pattern").test(module)) return value;
  }
  return otherwise;
}

function matcher(targets: string | readonly string[], field: string): (name: string) => boolean {
  if (typeof targets === "string") {
    const pattern = expression(targets, field);
    return (name) => pattern.test(name);
  }
  return (name) => targets.some((target) => name === target || name.endsWith(`.${target}`));
}

function layerFilter(fields: TargetFields): (name: string) => boolean {
  const { layersToTransform, layersPattern, targetModules } = fields;
  const layers = typeof layersToTransform === "number" ? [layersToTransform] : layersToTransform ?? [];
  // PEFT looks at the layers only where target_modules is a list.
  if (layers.length === 0 || typeof targetModules === "string") return () => true;
  const names = typeof layersPattern === "string"
    ? (layersPattern === "" ? [] : [layersPattern])
    : layersPattern ?? [];
  const patterns = names.length === 0
    ? [/^.*?\.[^.]*\.(\d+)\./]
    : names.map((name) => new RegExp(`^(?:|.*?\\.)(?:${python(name)})\\.(\\d+)\\.`));
  return (name) => {
    const match = patterns.map((pattern) => pattern.exec(name)).find((found) => found !== null);
    return match ? layers.includes(Number(match.at(-1))) : false;
  };
}

/** A Python pattern that has to fit a whole name. */
function expression(pattern: string, field: string): RegExp {
  try {
    return new RegExp(`^(?:${python(pattern)})$`);
  } catch (error) {
    throw new SyntaxError(`Cannot use ${field} ${shown(pattern)}: ${shortened((error as Error).message)}`);
  }
}

/** Spellings that differ in Python. */
function python(pattern: string): string {
  const spelled = pattern.replaceAll("(?P<", "(?<").replaceAll("\\Z", "$").replaceAll("\\A", "^");
  // {,n} outside of a class; an escaped character and a class stay as they are
  return spelled.replace(
    /\\[^]|\[\^?\]?(?:\\[^]|[^\]\\])*\]|\{(?=,\d*\})/g,
    (part) => part === "{" ? "{0" : part,
  );
}
