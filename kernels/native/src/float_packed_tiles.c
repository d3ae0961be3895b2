#include "float_packed_tiles.h"

#include "processor.h"

static PackedTiles moved(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels) {
  PackedTiles to = *t;
  to.first.a += groups * t->a_step, to.first.h += groups * t->h_step;
  to.first.b += panels * t->b_step, to.first.up += panels * t->up_step;
  return to;
}

void packed_tiles(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                  Ahead *next, ptrdiff_t lines) {
  const int wide = vector_bits() >= 512;
  for (ptrdiff_t n = 0, across; n < panels; n += across) {
    across = wide && n + WIDE_PANELS <= panels ? WIDE_PANELS : 1;
    for (ptrdiff_t g = 0, down; g < groups; g += down) {
      down = across > 1 && g + WIDE_GROUPS <= groups ? WIDE_GROUPS : 1;
      ask(next, lines * across * down);
      for (ptrdiff_t i = 0; i < (down > 1 ? 1 : across); i++) {
        const PackedTiles at = moved(t, g, n + i);
        const ptrdiff_t row = g * TILE_ROWS, column = (n + i) * TILE_COLUMNS;
        const float *add = from ? from + row * ld_from + column : NULL;
        if (down > 1) wide_tile(&at, add, ld_from, to + row * ld + column, ld);
        else packed_tile(&at.first, add, ld_from, to + row * ld + column, ld);
      }
    }
  }
}
