/**
 * Grids of ggml's IQ types, laid out for vector code: a byte a value, entries of four or eight values side by side.
 * @module
 */
import { item } from "../elements.ts";
import { PACKED_GRIDS, type PackedGrid } from "./grids_data.ts";

/** Names of grids. */
export type GridName = keyof typeof PACKED_GRIDS;

const NAMES = Object.keys(PACKED_GRIDS) as GridName[];

/** Values of a grid as signed bytes, those of IQ1_S times eight: an eighth is added to them. */
function unpackedGrid(name: GridName): Int8Array {
  const { values, bits, data }: PackedGrid = PACKED_GRIDS[name], packed = atob(data), each = 8 / bits;
  const scale = name === "IQ1_S" ? 8 : 1;
  return Int8Array.from({ length: packed.length * each }, (_, i) => {
    const byte = packed.charCodeAt(Math.floor(i / each));
    return scale * item(values, byte >> bits * (i % each) & ((1 << bits) - 1));
  });
}

/** Bytes of all grids together. */
export const GRID_BYTES = 34_816;

/** First byte of a grid, from the first one's. */
export function gridStart(name: GridName): number {
  return NAMES.slice(0, NAMES.indexOf(name)).reduce((sum, before) => {
    const { bits, data }: PackedGrid = PACKED_GRIDS[before];
    return sum + Math.floor(data.replaceAll("=", "").length * 6 / 8) * 8 / bits;
  }, 0);
}

/** Writes all grids, `[GRID_BYTES]`. */
export function writeGrids(to: Int8Array): void {
  for (const name of NAMES) to.set(unpackedGrid(name), gridStart(name));
}
