/**
 * The font of PNG plots. It comes with the project's packages, because a bare machine may have no font at all and
 * labels would vanish silently.
 * @module
 */
import { findPackageJSON } from "node:module";

import { dirname, join } from "@std/path";

// Makes Deno download the package beforehand; its files are read from where it lies.
import "@expo-google-fonts/lato/package.json" with { type: "json" };

/** The family that {@linkcode fontFiles} hold. */
export const FONT_FAMILY = "Lato";

/**
 * Paths of the regular and the bold TrueType file.
 * @throws {Error} If the font's package isn't there.
 */
export function fontFiles(): string[] {
  const description = findPackageJSON("@expo-google-fonts/lato/package.json", import.meta.url);
  if (description === undefined) {
    throw new Error(
      "Cannot draw labels as the package @expo-google-fonts/lato needs to be installed: current value is nothing. " +
        "Run: deno install",
    );
  }
  const root = dirname(description);
  const files = ["400Regular/Lato_400Regular.ttf", "700Bold/Lato_700Bold.ttf"].map((name) =>
    join(root, name)
  );
  for (const file of files) Deno.statSync(file);
  return files;
}

/** True if Lato has a glyph for every character: Latin letters, digits, punctuation. Others need the system's fonts. */
export function isCovered(text: string): boolean {
  return /^[\n\x20-\x7e\u00a0-\u017e\u2013\u2014\u2018-\u201e\u2022\u2026\u2212]*$/.test(text);
}
