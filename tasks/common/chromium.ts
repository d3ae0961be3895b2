/**
 * A Chromium, for tests and measurements of pages.
 * @module
 */

/** Debian's chromium, or another one that DINOTUNE_CHROMIUM names; undefined where there is none. */
export function chromiumPath(): string | undefined {
  const places = [
    Deno.env.get("DINOTUNE_CHROMIUM"),
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ];
  return places.find((place) => {
    try {
      return place !== undefined && Deno.statSync(place).isFile;
    } catch {
      return false;
    }
  });
}
