/**
 * The shape of a plugin, checked when it comes in: a person's own is any value at all.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import { KINDS, type Plugin } from "./plugin.ts";

/** True if a text may be the name of a plugin. */
export function isName(text: string): boolean {
  return /^[a-z0-9_.-]+$/.test(text);
}

/** The fault of a value as a plugin, in words; undefined: none. */
export function shapeFault(plugin: unknown): string | undefined {
  if (typeof plugin !== "object" || plugin === null) {
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
    return `${p.kind}/${p.name} needs a version: current value is ${described(p.version)}`;
  }
  if (typeof p.create !== "function") {
    return `${p.kind}/${p.name} needs a function create: current value is ${described(p.create)}`;
  }
  if (!(p.options instanceof z.ZodObject)) {
    return `${p.kind}/${p.name} needs options made with z.strictObject({...}): current value is ${
      described(p.options)
    }`;
  }
  return undefined;
}

function described(value: unknown): string {
  return typeof value === "function" ? "a function" : shown(value);
}
