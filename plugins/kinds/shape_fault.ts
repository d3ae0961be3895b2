/**
 * The shape of a plugin, checked when it comes in: a person's own is any value at all.
 * @module
 */
import { z } from "zod";

import { didYouMean, isSlip } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import { KINDS, type Plugin } from "./plugin.ts";

/** True if a text may be the name of a plugin. */
export function isName(text: string): boolean {
  return /^[a-z0-9_.-]+$/.test(text);
}

/** The fault of a value as a plugin, in words; undefined: none. */
export function shapeFault(plugin: unknown): string | undefined {
  if (typeof plugin !== "object" || plugin === null || plugin instanceof Promise) {
    return `it must be an object, as definePlugin({...}) gives: current value is ${described(plugin)}`;
  }
  const p = plugin as Partial<Plugin>;
  if (typeof p.kind !== "string" || !KINDS.includes(p.kind)) {
    const hint = typeof p.kind === "string" ? didYouMean((p.kind as string).slice(0, 200), KINDS) : "";
    return `its kind must be one of ${KINDS.join(", ")}: current value is ${described(p.kind)}${hint}`;
  }
  if (typeof p.name !== "string" || !isName(p.name)) {
    return `its name must be lower case letters, digits, "_", "-" and ".": current value is ${
      described(p.name)
    }`;
  }
  if (typeof p.version !== "string" || p.version === "") {
    return `${p.kind}/${p.name} needs a version, a text that isn't empty, such as "1": current value is ${
      described(p.version)
    }`;
  }
  if (typeof p.description !== "string") {
    return `${p.kind}/${p.name} needs a description, a text: current value is ${described(p.description)}`;
  }
  if (typeof p.create !== "function") {
    return `${p.kind}/${p.name} needs a function create: current value is ${described(p.create)}`;
  }
  if (!(p.options instanceof z.ZodObject)) {
    return `${p.kind}/${p.name} needs options made with z.strictObject({...}): current value is ${
      described(p.options)
    }`;
  }
  // another object schema drops what it doesn't know, so that a misspelt option would be left out unseen
  if (strictness(p.options) !== "never") {
    return `${p.kind}/${p.name} needs options made with z.strictObject({...}), which refuses unknown ones: current value is an object schema that ${
      strictness(p.options) === undefined ? "drops them" : "takes them"
    }`;
  }
  if (p.translate !== undefined && typeof p.translate !== "function") {
    return `${p.kind}/${p.name} needs translate as a function, or nothing: current value is ${
      described(p.translate)
    }`;
  }
  const { aliases } = p as { aliases?: unknown };
  if (
    aliases !== undefined &&
    !(Array.isArray(aliases) && aliases.every((a) => typeof a === "string" && a !== ""))
  ) {
    return `${p.kind}/${p.name} needs aliases as a list of texts, or nothing: current value is ${
      described(aliases)
    }`;
  }
  const misspelt = misspeltOption(p, ["aliases", "translate"]);
  if (misspelt !== undefined) {
    return `${p.kind}/${p.name} has a field that nobody reads - did you mean "${misspelt.meant}"?: current value is "${misspelt.written}"${
      unreadAdvice(misspelt.meant)
    }`;
  }
  return undefined;
}

/** zod's type of what a schema says of unknown keys: `never` where they are refused, undefined where they are dropped. */
function strictness(schema: z.ZodObject): string | undefined {
  return (schema.def.catchall as z.ZodType | undefined)?.def.type;
}

/**
 * The first field of a plain object that looks like an optional one which it lacks: `initialloss` would be taken for none. A class's
 * instance has fields of its own, and so may a plain object under other names.
 */
export function misspeltOption(
  value: object,
  optional: readonly string[],
  required: readonly string[] = [],
): { written: string; meant: string } | undefined {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const absent = optional.filter((name) => !(name in value));
  for (const written of Object.keys(value).filter((key) => ![...required, ...optional].includes(key))) {
    const meant = absent.find((name) => isSlip(written, name));
    if (meant !== undefined) return { written, meant };
  }
}

/** What to do about a field that nobody reads, behind its value. */
export function unreadAdvice(meant: string | undefined): string {
  return meant === undefined ? "; leave it out" : `; spell it "${meant}", or leave it out`;
}

function described(value: unknown): string {
  return typeof value === "function" ? "a function" : value instanceof Promise ? "a Promise" : shown(value);
}
