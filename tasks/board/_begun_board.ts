/**
 * A board over HTTP for its tests.
 * @module
 */
import { type BoardOptions, startBoard } from "./server.ts";

/** Its token. */
export const BOARD_TOKEN = "0123456789abcdef0123456789abcdef";

function fault(error: unknown): never {
  throw error;
}

/** Starts a board of these folders at a port that is free; what it can't tell a page is thrown. */
export function beginBoard(folders: readonly string[], options: Partial<BoardOptions> = {}) {
  return startBoard({ folders, port: 0, token: BOARD_TOKEN, fault, ...options });
}
