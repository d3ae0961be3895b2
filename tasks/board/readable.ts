/**
 * Files of runs that others write, move and remove while the board looks at them.
 * @module
 */

/**
 * Result of a read; null where the file is gone meanwhile, is no file, or isn't ours to read. One run mustn't hide all others.
 * @param denied Called where it is there, and isn't ours to read
 * @throws Whatever else the read throws
 */
export function ifReadable<T>(read: () => T, denied: () => void = () => {}): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) denied();
    if (UNREADABLE.some((kind) => error instanceof kind)) return null;
    throw error;
  }
}

const UNREADABLE = [
  Deno.errors.NotFound,
  Deno.errors.PermissionDenied,
  Deno.errors.NotADirectory,
  Deno.errors.IsADirectory,
  Deno.errors.FilesystemLoop,
];

/** Milliseconds since 1970; null as in {@linkcode ifReadable}. */
export function changedAt(path: string): number | null {
  return ifReadable(() => Deno.statSync(path).mtime?.getTime() ?? 0);
}

/** The beginning of a text file. @param most Bytes at most */
export function beginningOf(path: string, most: number): string {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(most);
  let read = 0;
  while (read < most) {
    const n = file.readSync(bytes.subarray(read));
    if (n === null) break;
    read += n;
  }
  return new TextDecoder().decode(bytes.subarray(0, read));
}
