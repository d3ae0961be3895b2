/**
 * The variable that chooses a kind of graphics driver. Deno finds no adapter, and says nothing, where its value names no kind that the
 * system has, is misspelt or empty (findings/webgpu_backend_that_is_empty.sh).
 * @module
 */

const VARIABLE = "DENO_WEBGPU_BACKEND";

/** Kinds of drivers by system, as Deno's wgpu is built. */
const KINDS: Readonly<Partial<Record<typeof Deno.build.os, readonly string[]>>> = {
  linux: ["vulkan", "gl"],
  darwin: ["metal"],
  windows: ["dx12", "vulkan", "gl"],
};

/** Null where the variable isn't set or mustn't be read. */
export function driverKind(): string | null {
  try {
    return Deno.env.get(VARIABLE) ?? null;
  } catch {
    return null;
  }
}

/** The variable's value as part of a reason, with what to do about it. @param value As {@linkcode driverKind} gives it. */
export function driverKindText(value: string | null, os: typeof Deno.build.os = Deno.build.os): string {
  const known = KINDS[os] ?? ["vulkan"], names = `on ${os} it may be ${known.join(" or ")}`;
  if (value === null) return `${VARIABLE} isn't set, so every kind of driver was asked`;
  const chosen = value.split(",").map((name) => name.trim().toLowerCase());
  const right = chosen.some((name) => known.includes(name));
  return `${VARIABLE} is ${JSON.stringify(value)}, so ${
    right ? "no other kind of driver was asked" : "no driver was asked"
  }; unset it (${names})`;
}
