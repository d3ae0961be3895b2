// Tiles by fours for AVX-512: sums of 12 rows by two vectors of 16 columns fill 24 of the 32 registers.
#include "float_packed_tiles.h"

enum { ROWS = WIDE_GROUPS * TILE_ROWS, AT_ONCE = 4 };

INLINE void multiply_wide(const int steps, const float *a, ptrdiff_t a_step, const float *b, ptrdiff_t b_step, __m512 c[ROWS][2]) {
  UNROLL for (int u = 0; u < steps; u++) {
    const __m512 b0 = _mm512_loadu_ps(b + u * TILE_COLUMNS), b1 = _mm512_loadu_ps(b + b_step + u * TILE_COLUMNS);
    UNROLL for (int i = 0; i < ROWS; i++) {
      const __m512 x = _mm512_set1_ps((i < TILE_ROWS ? a : a + a_step - TILE_ROWS)[u * TILE_ROWS + i]);
      c[i][0] = _mm512_fmadd_ps(x, b0, c[i][0]);
      c[i][1] = _mm512_fmadd_ps(x, b1, c[i][1]);
    }
  }
}

INLINE void multiply_depth(const float *a, ptrdiff_t a_step, const float *b, ptrdiff_t b_step, ptrdiff_t depth, __m512 c[ROWS][2]) {
  for (; depth >= AT_ONCE; depth -= AT_ONCE, a += AT_ONCE * TILE_ROWS, b += AT_ONCE * TILE_COLUMNS) {
    // Rows of a come from the second-level cache: 512 bytes ahead of their use.
    _mm_prefetch((const char *)(a + 128), _MM_HINT_T0);
    _mm_prefetch((const char *)(a + 144), _MM_HINT_T0);
    _mm_prefetch((const char *)(a + a_step + 128), _MM_HINT_T0);
    _mm_prefetch((const char *)(a + a_step + 144), _MM_HINT_T0);
    multiply_wide(AT_ONCE, a, a_step, b, b_step, c);
  }
  for (; depth > 0; depth--, a += TILE_ROWS, b += TILE_COLUMNS) multiply_wide(1, a, a_step, b, b_step, c);
}

void wide_tile(const PackedTiles *t, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld) {
  const Packed *f = &t->first;
  __m512 c[ROWS][2];
  UNROLL for (int g = 0; g < WIDE_GROUPS; g++) {
    UNROLL for (int n = 0; n < WIDE_PANELS; n++) {
      const ptrdiff_t row = g * TILE_ROWS, column = n * TILE_COLUMNS;
      ask_tile(to + row * ld + column, ld, 1);
      if (from && from != to) ask_tile(from + row * ld_from + column, ld_from, 0);
    }
  }
  UNROLL for (int i = 0; i < ROWS; i++) c[i][0] = c[i][1] = _mm512_setzero_ps();
  multiply_depth(f->a, t->a_step, f->b, t->b_step, f->depth, c);
  multiply_depth(f->h, t->h_step, f->up, t->up_step, f->rank, c);
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int n = 0; n < WIDE_PANELS; n++) {
      const ptrdiff_t column = n * TILE_COLUMNS;
      if (from) c[i][n] = _mm512_add_ps(c[i][n], _mm512_loadu_ps(from + i * ld_from + column));
      _mm512_storeu_ps(to + i * ld + column, c[i][n]);
    }
  }
}
