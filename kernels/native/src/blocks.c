#include "blocks.h"

#include "float_tile.h"

enum { LOW = 15 };

typedef struct {
  __m256 d[2], m[2];  // of 16 rows
} Scales;

INLINE __m256 halves(const uint8_t *at) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at)); }

INLINE Scales scales_of(const Form form, const uint8_t *tile) {
  Scales s = {{halves(tile), halves(tile + 16)}, {_mm256_setzero_ps(), _mm256_setzero_ps()}};
  if (form == FORM_Q4_1) s.m[0] = halves(tile + 32), s.m[1] = halves(tile + 48);
  return s;
}

INLINE const uint8_t *codes_of(const Form form, const uint8_t *tile) { return tile + (form == FORM_Q4_1 ? 64 : 32); }

// Codes of a column of 16 rows: bytes of 4 bits are without a sign.
INLINE __m128i column_of(const Form form, const uint8_t *codes, ptrdiff_t column) {
  if (form == FORM_Q8_0) return _mm_loadu_si128((const __m128i *)(codes + 16 * column));
  const __m128i both = _mm_loadu_si128((const __m128i *)(codes + 16 * (column % 16)));
  return _mm_and_si128(column < 16 ? both : _mm_srli_epi16(both, 4), _mm_set1_epi8(LOW));
}

// The values of 8 codes.
INLINE __m256 values_8(const Form form, __m128i q, __m256 d, __m256 m) {
  if (form == FORM_Q4_0) q = _mm_sub_epi8(q, _mm_set1_epi8(8));
  const __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q));
  return form == FORM_Q4_1 ? _mm256_fmadd_ps(x, d, m) : _mm256_mul_ps(x, d);
}

INLINE void values_16(const Form form, __m128i q, __m256 d0, __m256 d1, __m256 m0, __m256 m1, float *to) {
  _mm256_storeu_ps(to, values_8(form, q, d0, m0));
  _mm256_storeu_ps(to + 8, values_8(form, _mm_srli_si128(q, 8), d1, m1));
}

INLINE void block_rows(const Form form, const uint8_t *tile, ptrdiff_t column, ptrdiff_t depth, float *to) {
  for (; depth > 0; tile += tile_bytes(form), column = 0) {
    const Scales s = scales_of(form, tile);
    const uint8_t *codes = codes_of(form, tile);
    const ptrdiff_t end = least(BLOCK_COLUMNS, column + depth), low = least(end, 16);
    depth -= end - column;
    for (; column < low; column++, to += TILE_COLUMNS) values_16(form, column_of(form, codes, column), s.d[0], s.d[1], s.m[0], s.m[1], to);
    for (; column < end; column++, to += TILE_COLUMNS) values_16(form, column_of(form, codes, column), s.d[0], s.d[1], s.m[0], s.m[1], to);
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

INLINE void block_columns(const Form form, const uint8_t *tile, ptrdiff_t stride, ptrdiff_t column, ptrdiff_t row, ptrdiff_t depth, float *to) {
  for (; depth > 0; tile += stride, row = 0) {
    const Scales s = scales_of(form, tile);
    float d[BLOCK_ROWS], m[BLOCK_ROWS];
    UNROLL for (int i = 0; i < 2; i++) _mm256_storeu_ps(d + 8 * i, s.d[i]), _mm256_storeu_ps(m + 8 * i, s.m[i]);
    __m128i q[BLOCK_ROWS];
    UNROLL for (int i = 0; i < BLOCK_ROWS; i++) q[i] = column_of(form, codes_of(form, tile), column + i);
    transpose16(q);
    const ptrdiff_t end = least(BLOCK_ROWS, row + depth);
    depth -= end - row;
    for (; row < end; row++, to += TILE_COLUMNS) {
      const __m256 factor = _mm256_broadcast_ss(d + row), minimum = _mm256_broadcast_ss(m + row);
      values_16(form, q[row], factor, factor, minimum, minimum, to);
    }
  }
}

// The statement with `form` a constant.
#define BY_BLOCKS(of, statement)                                     \
  do {                                                               \
    switch (of) {                                                    \
      case FORM_Q4_0: { enum { form = FORM_Q4_0 }; statement; } break; \
      case FORM_Q4_1: { enum { form = FORM_Q4_1 }; statement; } break; \
      case FORM_Q8_0: { enum { form = FORM_Q8_0 }; statement; } break; \
      default: break;                                                \
    }                                                                \
  } while (0)

static ptrdiff_t stride_of(Form form, ptrdiff_t columns) { return columns / BLOCK_COLUMNS * tile_bytes(form); }

static const uint8_t *tile_at(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column) {
  return (const uint8_t *)w.data + row / BLOCK_ROWS * stride_of(w.form, columns) + column / BLOCK_COLUMNS * tile_bytes(w.form);
}

void panel_of_block_rows(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t from, ptrdiff_t depth, float *to) {
  const uint8_t *tile = tile_at(w, columns, row, from);
  BY_BLOCKS(w.form, block_rows(form, tile, from % BLOCK_COLUMNS, depth, to));
}

void panel_of_block_columns(Weights w, ptrdiff_t columns, ptrdiff_t column, ptrdiff_t from, ptrdiff_t depth, float *to) {
  const uint8_t *tile = tile_at(w, columns, from, column);
  BY_BLOCKS(w.form, block_columns(form, tile, stride_of(form, columns), column % BLOCK_COLUMNS, from % BLOCK_ROWS, depth, to));
}

INLINE __m256 eight_of(const Form form, const uint8_t *tile, ptrdiff_t row, ptrdiff_t column) {
  const uint8_t *codes = codes_of(form, tile) + row;
  const uint16_t *scales = (const uint16_t *)tile;
  uint8_t q[16] = {0};
  for (ptrdiff_t i = 0; i < 8; i++) {
    const ptrdiff_t at = column + i;
    q[i] = form == FORM_Q8_0 ? codes[16 * at] : codes[16 * (at % 16)] >> (at < 16 ? 0 : 4) & LOW;
  }
  const __m256 d = _mm256_set1_ps(_cvtsh_ss(scales[row]));
  const __m256 m = form == FORM_Q4_1 ? _mm256_set1_ps(_cvtsh_ss(scales[BLOCK_ROWS + row])) : _mm256_setzero_ps();
  return values_8(form, _mm_loadu_si128((const __m128i *)q), d, m);
}

__m256 block_8(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column) {
  const uint8_t *tile = tile_at(w, columns, row, column);
  __m256 found = _mm256_setzero_ps();
  BY_BLOCKS(w.form, found = eight_of(form, tile, row % BLOCK_ROWS, column % BLOCK_COLUMNS));
  return found;
}
