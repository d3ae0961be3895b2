// Products of packed_product.h, compiled for AVX2 and for AVX-512 with products of bytes: the same bits, since sums of codes are whole numbers.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "packed_product.h"

// Rows that share a vector of codes: as many as registers hold the sums of.
#ifdef __AVX512VNNI__
enum { MANY = 8 };
#else
enum { MANY = 4 };
#endif

#define INLINE static inline __attribute__((always_inline))

static size_t group_bytes(int bits, int half) { return TILE * (half ? 4 : 8) + (size_t)bits * TILE * GROUP / 8; }

INLINE __m256 floats(const uint8_t *at, int half) {
  return half ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at)) : _mm256_loadu_ps((const float *)at);
}

INLINE __m256i four(const int8_t *x) {
  int32_t v;
  memcpy(&v, x, 4);
  return _mm256_set1_epi32(v);
}

// Sums of four products beside each other, in 32 bits; of nibbles in pairs of 16 bits without an instruction for it, where a group's 16
// products of at most 15 * 127 fit, until whole() makes them one.
#ifdef __AVX512VNNI__
INLINE __m256i add_bytes(__m256i sum, __m256i positive, __m256i x) { return _mm256_dpbusd_epi32(sum, positive, x); }
INLINE __m256i add_nibbles(__m256i sum, __m256i codes, __m256i x) { return _mm256_dpbusd_epi32(sum, codes, x); }
INLINE __m256i whole(__m256i sum) { return sum; }
#else
INLINE __m256i whole(__m256i sum) { return _mm256_madd_epi16(sum, _mm256_set1_epi16(1)); }
INLINE __m256i add_bytes(__m256i sum, __m256i positive, __m256i x) { return _mm256_add_epi32(sum, whole(_mm256_maddubs_epi16(positive, x))); }
INLINE __m256i add_nibbles(__m256i sum, __m256i codes, __m256i x) { return _mm256_add_epi16(sum, _mm256_maddubs_epi16(codes, x)); }
#endif

// Sums of a group's codes times x's, for 8 outputs.
INLINE void group_sums(const uint8_t *codes, const int8_t *const *x, int rows, int bits, __m256i *sums) {
  const __m256i low = _mm256_set1_epi8(15);
  if (bits == 4) {
    for (int r = 0; r < rows; r++) sums[r] = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
      const __m256i both = _mm256_loadu_si256((const __m256i *)(codes + 32 * v));
      const __m256i a = _mm256_and_si256(both, low), b = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
      for (int r = 0; r < rows; r++) {
        sums[r] = add_nibbles(sums[r], a, four(x[r] + 8 * v));
        sums[r] = add_nibbles(sums[r], b, four(x[r] + 8 * v + 4));
      }
    }
    for (int r = 0; r < rows; r++) sums[r] = whole(sums[r]);
    return;
  }
  for (int r = 0; r < rows; r++) sums[r] = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int v = 0; v < 8; v++) {
    const __m256i w = _mm256_loadu_si256((const __m256i *)(codes + 32 * v)), size = _mm256_abs_epi8(w);
    for (int r = 0; r < rows; r++) {
      sums[r] = add_bytes(sums[r], size, _mm256_sign_epi8(four(x[r] + 4 * v), w));
    }
  }
}

INLINE void some_rows(const PackedMatrix *m, const uint8_t *tile, const Activations *x, size_t row, int rows, int bits,
                      int half, __m256 *y) {
  const size_t bytes = group_bytes(bits, half), groups = m->groups;
  const int8_t *codes[MANY];
  const float *scales[MANY], *sums[MANY];
  for (int r = 0; r < rows; r++) {
    codes[r] = x->codes + (row + r) * groups * GROUP;
    scales[r] = x->scales + (row + r) * groups;
    sums[r] = x->sums + (row + r) * groups;
    y[r] = _mm256_setzero_ps();
  }
  for (size_t g = 0; g < groups; g++, tile += bytes) {
    __m256i found[MANY];
    group_sums(tile + TILE * (half ? 4 : 8), codes, rows, bits, found);
    const __m256 scale = floats(tile, half), minimum = floats(tile + TILE * (half ? 2 : 4), half);
    for (int r = 0; r < rows; r++) {
      const __m256 factor = _mm256_mul_ps(scale, _mm256_broadcast_ss(scales[r] + g));
      y[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(found[r]), factor, y[r]);
      y[r] = _mm256_fmadd_ps(minimum, _mm256_broadcast_ss(sums[r] + g), y[r]);
      codes[r] += GROUP;
    }
  }
}

INLINE void store(__m256 v, float *y, size_t count) {
  if (count == TILE) {
    _mm256_storeu_ps(y, v);
    return;
  }
  float all[TILE];
  _mm256_storeu_ps(all, v);
  memcpy(y, all, count * sizeof(float));
}

// Rows that are gone through for all tiles before the next ones, so that they stay in the first-level cache.
enum { ROWS = 32 };

#define ROWS_AT_ONCE(rows)                                                          \
  do {                                                                               \
    some_rows(m, tile, x, row, rows, bits, half, sums);                              \
    for (int r = 0; r < rows; r++) store(sums[r], out + (row + r) * stride, count);   \
  } while (0)

INLINE void product(const PackedMatrix *m, const Activations *x, size_t from, size_t to, size_t first, size_t last,
                    float *y, size_t stride, int bits, int half) {
  const size_t bytes = m->groups * group_bytes(bits, half);
  for (size_t begin = from; begin < to; begin += ROWS) {
    const size_t end = begin + ROWS < to ? begin + ROWS : to;
    for (size_t t = first; t < last; t++) {
      const uint8_t *tile = m->tiles + t * bytes;
      const size_t left = m->outputs - t * TILE, count = left < TILE ? left : TILE;
      float *out = y + t * TILE;
      __m256 sums[MANY];
      size_t row = begin;
      for (; row + MANY <= end; row += MANY) ROWS_AT_ONCE(MANY);
      for (; MANY > 4 && row + 4 <= end; row += 4) ROWS_AT_ONCE(4);
      for (; row + 2 <= end; row += 2) ROWS_AT_ONCE(2);
      for (; row < end; row++) ROWS_AT_ONCE(1);
    }
  }
}

INLINE void packed_rows(const PackedMatrix *m, const Activations *x, size_t from, size_t to, size_t first, size_t last, float *y,
                        size_t stride) {
  if (m->bits == 4 && m->half) product(m, x, from, to, first, last, y, stride, 4, 1);
  else if (m->bits == 4) product(m, x, from, to, first, last, y, stride, 4, 0);
  else if (m->half) product(m, x, from, to, first, last, y, stride, 8, 1);
  else product(m, x, from, to, first, last, y, stride, 8, 0);
}
