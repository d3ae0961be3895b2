#include "block_codes.h"

enum { SQUARE = 16 };

// The values of 16 codes. A group's value is a sum in float32, too, so a zero in it has no sign without a minimum.
INLINE void values_16(const Form form, __m128i q, const __m256 d[2], const __m256 m[2], float *to) {
  UNROLL for (int i = 0; i < 2; i++) {
    const __m256 x = bytes_8(i ? _mm_srli_si128(q, 8) : q);
    _mm256_storeu_ps(to + 8 * i, has_minimum(form) || in_groups(form) ? _mm256_fmadd_ps(x, d[i], m[i]) : _mm256_mul_ps(x, d[i]));
  }
}

INLINE void block_rows(const Form form, const uint8_t *tile, ptrdiff_t column, ptrdiff_t depth, float *to) {
  for (; depth > 0; tile += tile_bytes(form), column = 0) {
    const ptrdiff_t end = least(block_width(form), column + depth);
    depth -= end - column;
    while (column < end) {
      const ptrdiff_t from = column / SQUARE * SQUARE, stop = least(end, from + SQUARE);
      const Scales s = scales_of(form, tile, from);
      for (; column < stop; column++, to += TILE_COLUMNS) values_16(form, codes_of(form, tile, from, column - from), s.d, s.m, to);
    }
  }
}

// The transpose of 16 × 16 bytes.
INLINE void transpose16(__m128i x[16]) {
  __m128i y[16];
  UNROLL for (int pass = 0; pass < 2; pass++) {
    UNROLL for (int i = 0; i < 8; i++) y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]), y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
    UNROLL for (int i = 0; i < 8; i++) x[2 * i] = _mm_unpacklo_epi8(y[i], y[i + 8]), x[2 * i + 1] = _mm_unpackhi_epi8(y[i], y[i + 8]);
  }
}

// d and m row by row.
typedef struct {
  float d[BLOCK_ROWS], m[BLOCK_ROWS];
} RowScales;

INLINE RowScales row_scales_of(const Form form, const uint8_t *tile, ptrdiff_t from) {
  const Scales s = scales_of(form, tile, from);
  RowScales rows;
  UNROLL for (int i = 0; i < 2; i++) _mm256_storeu_ps(rows.d + 8 * i, s.d[i]), _mm256_storeu_ps(rows.m + 8 * i, s.m[i]);
  return rows;
}

INLINE void block_columns(const Form form, const uint8_t *tile, ptrdiff_t stride, ptrdiff_t column, ptrdiff_t row, ptrdiff_t depth, float *to) {
  for (; depth > 0; tile += stride, row = 0) {
    const RowScales s = row_scales_of(form, tile, column);
    __m128i q[BLOCK_ROWS];
    UNROLL for (int i = 0; i < BLOCK_ROWS; i++) q[i] = codes_of(form, tile, column, i);
    transpose16(q);
    const ptrdiff_t end = least(BLOCK_ROWS, row + depth);
    depth -= end - row;
    for (; row < end; row++, to += TILE_COLUMNS) {
      const __m256 factor = _mm256_broadcast_ss(s.d + row), minimum = _mm256_broadcast_ss(s.m + row);
      values_16(form, q[row], (const __m256[]){factor, factor}, (const __m256[]){minimum, minimum}, to);
    }
  }
}

static ptrdiff_t stride_of(Form form, ptrdiff_t columns) { return columns / block_width(form) * tile_bytes(form); }

static const uint8_t *tile_at(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column) {
  return (const uint8_t *)w.data + row / BLOCK_ROWS * stride_of(w.form, columns) + column / block_width(w.form) * tile_bytes(w.form);
}

void panel_of_block_rows(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t from, ptrdiff_t depth, float *to) {
  const uint8_t *tile = tile_at(w, columns, row, from);
  BY_BLOCK_FORM(w.form, block_rows(form, tile, from % block_width(form), depth, to));
}

void panel_of_block_columns(Weights w, ptrdiff_t columns, ptrdiff_t column, ptrdiff_t from, ptrdiff_t depth, float *to) {
  const uint8_t *tile = tile_at(w, columns, from, column);
  BY_BLOCK_FORM(w.form, block_columns(form, tile, stride_of(form, columns), column % block_width(form), from % BLOCK_ROWS, depth, to));
}

INLINE __m256 eight_of(const Form form, const uint8_t *tile, ptrdiff_t row, ptrdiff_t column) {
  const ptrdiff_t from = column / SQUARE * SQUARE;
  const RowScales s = row_scales_of(form, tile, from);
  int8_t codes[BLOCK_ROWS], q[16] = {0};
  float values[16];
  for (ptrdiff_t i = 0; i < 8; i++) {
    _mm_storeu_si128((__m128i *)codes, codes_of(form, tile, from, column - from + i));
    q[i] = codes[row];
  }
  const __m256 factor = _mm256_broadcast_ss(s.d + row), minimum = _mm256_broadcast_ss(s.m + row);
  values_16(form, _mm_loadu_si128((const __m128i *)q), (const __m256[]){factor, factor}, (const __m256[]){minimum, minimum}, values);
  return _mm256_loadu_ps(values);
}

__m256 block_8(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column) {
  const uint8_t *tile = tile_at(w, columns, row, column);
  __m256 found = _mm256_setzero_ps();
  BY_BLOCK_FORM(w.form, found = eight_of(form, tile, row % BLOCK_ROWS, column % block_width(form)));
  return found;
}
