// Tiles of packed products beside each other: by fours where the processor has AVX-512, one by one elsewhere, to the same bits.
#pragma once
#include "float_ahead.h"
#include "float_packed.h"

// The first tile's factors, and how many floats behind them those of the next group of rows and of the next panel of columns lie.
typedef struct {
  Packed first;
  ptrdiff_t a_step, b_step, h_step, up_step;
} PackedTiles;

// to [6 groups, 16 panels] = from + the tiles' products, whose strides are ld_from and ld; from NULL: 0. Beside each tile, lines of next are
// asked for.
void packed_tiles(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                  Ahead *next, ptrdiff_t lines);

// Groups and panels of a wide tile; to [12, 32] as above. For AVX-512 alone.
enum { WIDE_GROUPS = 2, WIDE_PANELS = 2 };
void wide_tile(const PackedTiles *t, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld);
