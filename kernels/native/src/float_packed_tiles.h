// Tiles of packed products beside each other: some at once where the processor has AVX-512, one by one elsewhere, to the same bits.
#pragma once
#include "float_ahead.h"
#include "float_packed.h"

// The first tile's factors, and how many floats behind them those of the next group of rows and of the next panel of columns lie.
typedef struct {
  Packed first;
  ptrdiff_t a_step, b_step, h_step, up_step;
} PackedTiles;

// From a group and a panel on.
static inline PackedTiles packed_at(const PackedTiles *t, ptrdiff_t group, ptrdiff_t panel) {
  PackedTiles to = *t;
  to.first.a += group * t->a_step, to.first.h += group * t->h_step;
  to.first.b += panel * t->b_step, to.first.up += panel * t->up_step;
  return to;
}

// to [6 groups, 16 panels] = from + the tiles' products, whose strides are ld_from and ld; from NULL: 0. Beside each tile, lines of next are
// asked for.
void packed_tiles(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                  Ahead *next, ptrdiff_t lines);

// The same by AVX-512.
void wide_tiles(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                Ahead *next, ptrdiff_t lines);
