// Asks for lines of memory ahead of their use, a few at a time beside other work: what is laid out next comes from far, and in pieces that the
// processor doesn't foresee.
#pragma once
#include <immintrin.h>
#include <stddef.h>

#include "blocks.h"

typedef struct {
  const char *at;
  ptrdiff_t step, each, rest, left;  // bytes from a row's last line to the next row; lines of a row, of the one at hand, of all
} Ahead;

// Of rows [rows, columns] from one place in w [?, ld] on, whose columns count from 0.
static inline Ahead ahead_of(Weights w, ptrdiff_t ld, ptrdiff_t row, ptrdiff_t column, ptrdiff_t rows, ptrdiff_t columns) {
  // Of a line and of a tile, in elements.
  const ptrdiff_t down = in_blocks(w.form) ? BLOCK_ROWS : 1, across = in_blocks(w.form) ? block_width(w.form) : 1;
  const ptrdiff_t bytes = in_blocks(w.form) ? tile_bytes(w.form) : element_bytes(w.form);
  const ptrdiff_t left = column / across, right = (column + columns + across - 1) / across;
  const ptrdiff_t top = row / down, bottom = (row + rows + down - 1) / down, stride = ld / across * bytes;
  // Where a row doesn't begin a line it may have one more: that one isn't asked for.
  const ptrdiff_t each = ((right - left) * bytes + 63) / 64;
  return (Ahead){(const char *)w.data + top * stride + left * bytes, stride - 64 * each, each, each, (bottom - top) * each};
}

static inline __attribute__((always_inline)) void ask(Ahead *a, ptrdiff_t count) {
  for (; count > 0 && a->left > 0; count--, a->left--) {
    _mm_prefetch(a->at, _MM_HINT_T1);
    a->at += 64;
    if (--a->rest == 0) a->rest = a->each, a->at += a->step;
  }
}
