"""Makes grids_data.ts: the grids of ggml's IQ types as the `gguf` package holds them, 2 or 4 bits a value.

    pip install gguf==0.19.0
    python make_grids.py > grids_data.ts
"""
import base64

from gguf import quants

print("""/**
 * Grids of ggml's IQ types: each entry is four or eight values of a block, as indices of 2 or 4 bits (the lowest first) into the values that stand
 * beside it. Made by make_grids.py from the `gguf` package of Python 0.19.0, which has them from llama.cpp (MIT licence, docs/dependencies.md).
 * @module
 */

/** One grid. */
export interface PackedGrid {
  /** What the indices stand for. */
  readonly values: readonly number[];
  /** Bits of an index. */
  readonly bits: 2 | 4;
  /** Indices in base64. */
  readonly data: string;
}

/** By ggml's names of the types; IQ1_M has the grid of IQ1_S. */
export const PACKED_GRIDS = {""")
for name in ["IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S"]:
    kind = getattr(quants, name)
    text = base64.b64encode(bytes.fromhex(kind.grid_hex.decode())).decode()
    lines = [text[i : i + 96] for i in range(0, len(text), 96)]
    bits = 2 if len(kind.grid_map) <= 4 else 4
    print(f"  {name}: {{")
    print(f"    values: [{', '.join(str(v) for v in kind.grid_map)}],\n    bits: {bits},")
    print("    data:\n      " + " +\n      ".join(f'"{line}"' for line in lines) + ",")
    print("  },")
print("} as const satisfies Record<string, PackedGrid>;")
