// Asks for lines of memory ahead of their use, a few at a time beside other work: what is laid out next comes from far, and in pieces that the
// processor doesn't foresee.
#pragma once
#include <immintrin.h>
#include <stddef.h>

#include "weights.h"

typedef struct {
  const char *at;
  ptrdiff_t step, each, rest, left;  // bytes from a row's last line to the next row; lines of a row, of the one at hand, of all
} Ahead;

// Of rows [rows, columns] whose stride is ld elements.
static inline Ahead ahead_of(Weights from, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t columns) {
  const ptrdiff_t bytes = element_bytes(from.form);
  // Where a row doesn't begin a line it may have one more: that one isn't asked for.
  const ptrdiff_t each = (columns * bytes + 63) / 64;
  return (Ahead){from.data, ld * bytes - 64 * each, each, each, rows * each};
}

static inline __attribute__((always_inline)) void ask(Ahead *a, ptrdiff_t count) {
  for (; count > 0 && a->left > 0; count--, a->left--) {
    _mm_prefetch(a->at, _MM_HINT_T1);
    a->at += 64;
    if (--a->rest == 0) a->rest = a->each, a->at += a->step;
  }
}
