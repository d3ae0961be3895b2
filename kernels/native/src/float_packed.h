// Products of packed factors: the first one in groups of 6 rows, the second in panels of 16 columns.
#pragma once
#include "blocks.h"
#include "float_tile.h"

// Columns of 6 rows of a, from 8 of each: [8, 6].
INLINE void columns_of_6(const float *a, ptrdiff_t ld, float *to) {
  __m256 r[TILE_ROWS];
  __m256d low[3], high[3];
  UNROLL for (int i = 0; i < TILE_ROWS; i++) r[i] = _mm256_loadu_ps(a + i * ld);
  // Pairs of rows: columns 0, 1 and 4, 5 in low, 2, 3 and 6, 7 in high.
  UNROLL for (int i = 0; i < 3; i++) {
    low[i] = _mm256_castps_pd(_mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]));
    high[i] = _mm256_castps_pd(_mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]));
  }
  const __m256d x[6] = {
      _mm256_unpacklo_pd(low[0], low[1]),   _mm256_shuffle_pd(low[2], low[0], 10),   _mm256_unpackhi_pd(low[1], low[2]),
      _mm256_unpacklo_pd(high[0], high[1]), _mm256_shuffle_pd(high[2], high[0], 10), _mm256_unpackhi_pd(high[1], high[2]),
  };
  UNROLL for (int i = 0; i < 6; i++) {
    _mm_storeu_ps(to + 4 * i, _mm_castpd_ps(_mm256_castpd256_pd128(x[i])));
    _mm_storeu_ps(to + 24 + 4 * i, _mm_castpd_ps(_mm256_extractf128_pd(x[i], 1)));
  }
}

static inline void pack_group(const float *a, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t depth, float *to) {
  ptrdiff_t p = 0;
  if (rows == TILE_ROWS) {
    for (; p + 8 <= depth; p += 8, to += 8 * TILE_ROWS) columns_of_6(a + p, ld, to);
  }
  for (; p < depth; p++, to += TILE_ROWS) {
    for (ptrdiff_t i = 0; i < TILE_ROWS; i++) to[i] = i < rows ? a[i * ld + p] : 0;
  }
}

// Panel [depth, 16] of columns of rows whose stride is ld; missing ones are zero.
INLINE void panel_of_columns(const Form form, const void *b, ptrdiff_t ld, ptrdiff_t columns, ptrdiff_t depth, float *to) {
  for (ptrdiff_t i = 0, at = 0; i < depth; i++, at += ld, to += TILE_COLUMNS) {
    if (columns == TILE_COLUMNS) {
      _mm256_storeu_ps(to, weights_8(form, b, at));
      _mm256_storeu_ps(to + 8, weights_8(form, b, at + 8));
    } else {
      for (ptrdiff_t c = 0; c < TILE_COLUMNS; c++) to[c] = c < columns ? weights_1(form, b, at + c) : 0;
    }
  }
}

// Elements column to column + 7 of a row of w [?, ld], or as many as there are; those that lack are 0.
static inline __m256 row_8(Weights w, ptrdiff_t ld, ptrdiff_t row, ptrdiff_t column) {
  if (in_blocks(w.form)) return block_8(w, ld, row, column);
  const Weights at = weights_at(w, row * ld + column);
  __m256 found = _mm256_setzero_ps();
  BY_FORM(at.form, found = get_of(form, at.data, ld - column));
  return found;
}

// Panel [depth, 16] of b [k, n] or, transposed, [n, k], times alpha.
static inline void pack_panel(Weights b, ptrdiff_t n, ptrdiff_t k, int transposed, ptrdiff_t from, ptrdiff_t depth, ptrdiff_t column,
                              float alpha, float *to) {
  const ptrdiff_t columns = least(TILE_COLUMNS, n - column);
  if (in_blocks(b.form)) {
    if (transposed) panel_of_block_rows(b, k, column, from, depth, to);
    else panel_of_block_columns(b, n, column, from, depth, to);
  } else {
    const Weights at = weights_at(b, transposed ? column * k + from : from * n + column);
    if (transposed) BY_FORM(at.form, panel_of_rows(form, at.data, k, columns, depth, to));
    else BY_FORM(at.form, panel_of_columns(form, at.data, n, columns, depth, to));
  }
  if (alpha == 1) return;
  for (ptrdiff_t i = 0; i < depth * TILE_COLUMNS; i++) to[i] *= alpha;
}

// Of a tile: packed factors, and those of LoRA's second product where the depth ends.
typedef struct {
  const float *a, *b;
  ptrdiff_t depth;
  const float *h, *up;
  ptrdiff_t rank;
} Packed;

INLINE void multiply_packed(const float *a, const float *b, ptrdiff_t depth, __m256 c[TILE_ROWS][2]) {
  for (; depth >= 4; depth -= 4, a += 4 * TILE_ROWS, b += 4 * TILE_COLUMNS) {
    // Rows of a come from the second-level cache: 512 bytes ahead of their use.
    _mm_prefetch((const char *)(a + 128), _MM_HINT_T0);
    _mm_prefetch((const char *)(a + 144), _MM_HINT_T0);
    UNROLL for (int u = 0; u < 4; u++) {
      const __m256 b0 = _mm256_loadu_ps(b + u * TILE_COLUMNS), b1 = _mm256_loadu_ps(b + u * TILE_COLUMNS + 8);
      UNROLL for (int i = 0; i < TILE_ROWS; i++) {
        const __m256 x = _mm256_broadcast_ss(a + u * TILE_ROWS + i);
        c[i][0] = _mm256_fmadd_ps(x, b0, c[i][0]);
        c[i][1] = _mm256_fmadd_ps(x, b1, c[i][1]);
      }
    }
  }
  multiply_rest(TILE_ROWS, FORM_FLOAT, c, a, 1, TILE_ROWS, b, TILE_COLUMNS, depth);
}

// Lines of a tile [6, 16], which may begin within one, asked for ahead; write: so that no other core keeps them.
INLINE void ask_tile(const float *at, ptrdiff_t ld, const int write) {
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    if (write) __builtin_prefetch(at + i * ld, 1), __builtin_prefetch(at + i * ld + 15, 1);
    else __builtin_prefetch(at + i * ld), __builtin_prefetch(at + i * ld + 15);
  }
}

// to [6, 16] = from + the tile's products; from NULL: 0.
static __attribute__((noinline, unused)) void packed_tile(const Packed *f, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld) {
  __m256 c[TILE_ROWS][2];
  ask_tile(to, ld, 1);
  if (from && from != to) ask_tile(from, ld_from, 0);
  UNROLL for (int i = 0; i < TILE_ROWS; i++) c[i][0] = c[i][1] = _mm256_setzero_ps();
  multiply_packed(f->a, f->b, f->depth, c);
  multiply_rest(TILE_ROWS, FORM_FLOAT, c, f->h, 1, TILE_ROWS, f->up, TILE_COLUMNS, f->rank);
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    if (from) {
      c[i][0] = _mm256_add_ps(c[i][0], _mm256_loadu_ps(from + i * ld_from));
      c[i][1] = _mm256_add_ps(c[i][1], _mm256_loadu_ps(from + i * ld_from + 8));
    }
    _mm256_storeu_ps(to + i * ld, c[i][0]);
    _mm256_storeu_ps(to + i * ld + 8, c[i][1]);
  }
}
