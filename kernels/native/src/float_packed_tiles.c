#include "float_packed_tiles.h"

#include "processor.h"

void packed_tiles(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                  Ahead *next, ptrdiff_t lines) {
  if (vector_bits() >= 512) {
    wide_tiles(t, groups, panels, from, ld_from, to, ld, next, lines);
    return;
  }
  for (ptrdiff_t n = 0; n < panels; n++) {
    for (ptrdiff_t g = 0; g < groups; g++) {
      ask(next, lines);
      const PackedTiles at = packed_at(t, g, n);
      const ptrdiff_t row = g * TILE_ROWS, column = n * TILE_COLUMNS;
      packed_tile(&at.first, from ? from + row * ld_from + column : NULL, ld_from, to + row * ld + column, ld);
    }
  }
}
