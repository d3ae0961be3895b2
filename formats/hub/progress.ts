/**
 * Downloads as lines of text.
 * @module
 */
import type { DownloadProgress } from "./repository.ts";

/**
 * For `ResolveOptions.onProgress`: one line per file and tenth of all bytes, so that a long download shows progress.
 * @param say Gets the lines
 */
export function downloadLines(say: (line: string) => void): (progress: DownloadProgress) => void {
  let last = "";
  return ({ file, index, count, received, total }) => {
    const line = `Downloading ${file} (${index} of ${count}): ${
      Math.floor(10 * received / Math.max(1, total)) * 10
    } % of all`;
    if (line !== last) say(line);
    last = line;
  };
}
