// Asks for lines of memory ahead of their use, a few at a time beside other work: what is laid out next comes from far, and in pieces that the
// processor doesn't foresee.
#pragma once
#include <immintrin.h>
#include <stddef.h>

typedef struct {
  const char *at;
  ptrdiff_t step, each, rest, left;  // bytes from a row's last line to the next row; lines of a row, of the one at hand, of all
} Ahead;

// Of rows [rows, columns] whose stride is ld floats.
static inline Ahead ahead_of(const float *from, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t columns) {
  // Where a row doesn't begin a line it may have one more: that one isn't asked for.
  const ptrdiff_t each = (columns + 15) / 16;
  return (Ahead){(const char *)from, ld * (ptrdiff_t)sizeof(float) - 64 * each, each, each, rows * each};
}

static inline __attribute__((always_inline)) void ask(Ahead *a, ptrdiff_t count) {
  for (; count > 0 && a->left > 0; count--, a->left--) {
    _mm_prefetch(a->at, _MM_HINT_T1);
    a->at += 64;
    if (--a->rest == 0) a->rest = a->each, a->at += a->step;
  }
}
