#include "packed_product.h"

#include <immintrin.h>
#include <string.h>

// Rows that share a vector of codes: as many as registers hold the sums of.
enum { MANY = 4 };

#define INLINE static inline __attribute__((always_inline))

static size_t group_bytes(int bits, int half) { return TILE * (half ? 4 : 8) + (size_t)bits * TILE * GROUP / 8; }

size_t packed_tile_bytes(const PackedMatrix *m) { return m->groups * group_bytes(m->bits, m->half); }

INLINE __m256 floats(const uint8_t *at, int half) {
  return half ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at)) : _mm256_loadu_ps((const float *)at);
}

INLINE __m256i four(const int8_t *x) {
  int32_t v;
  memcpy(&v, x, 4);
  return _mm256_set1_epi32(v);
}

// Sums of a group's codes times x's, for 8 outputs: in 4 bits 16 products of at most 15 * 127 fit into 16 bits.
INLINE void group_sums(const uint8_t *codes, const int8_t *const *x, int rows, int bits, __m256i *sums) {
  const __m256i ones = _mm256_set1_epi16(1), low = _mm256_set1_epi8(15);
  if (bits == 4) {
    for (int r = 0; r < rows; r++) sums[r] = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
      const __m256i both = _mm256_loadu_si256((const __m256i *)(codes + 32 * v));
      const __m256i a = _mm256_and_si256(both, low), b = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
      for (int r = 0; r < rows; r++) {
        sums[r] = _mm256_add_epi16(sums[r], _mm256_maddubs_epi16(a, four(x[r] + 8 * v)));
        sums[r] = _mm256_add_epi16(sums[r], _mm256_maddubs_epi16(b, four(x[r] + 8 * v + 4)));
      }
    }
    for (int r = 0; r < rows; r++) sums[r] = _mm256_madd_epi16(sums[r], ones);
    return;
  }
  for (int r = 0; r < rows; r++) sums[r] = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int v = 0; v < 8; v++) {
    const __m256i w = _mm256_loadu_si256((const __m256i *)(codes + 32 * v)), size = _mm256_abs_epi8(w);
    for (int r = 0; r < rows; r++) {
      const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(four(x[r] + 4 * v), w));
      sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(pairs, ones));
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

INLINE void product(const PackedMatrix *m, const Activations *x, size_t from, size_t to, size_t first, size_t last,
                    float *y, size_t stride, int bits, int half) {
  const size_t bytes = packed_tile_bytes(m);
  for (size_t begin = from; begin < to; begin += ROWS) {
    const size_t end = begin + ROWS < to ? begin + ROWS : to;
    for (size_t t = first; t < last; t++) {
      const uint8_t *tile = m->tiles + t * bytes;
      const size_t left = m->outputs - t * TILE, count = left < TILE ? left : TILE;
      float *out = y + t * TILE;
      __m256 sums[MANY];
      size_t row = begin;
      for (; row + MANY <= end; row += MANY) {
        some_rows(m, tile, x, row, MANY, bits, half, sums);
        for (int r = 0; r < MANY; r++) store(sums[r], out + (row + r) * stride, count);
      }
      for (; row + 2 <= end; row += 2) {
        some_rows(m, tile, x, row, 2, bits, half, sums);
        for (int r = 0; r < 2; r++) store(sums[r], out + (row + r) * stride, count);
      }
      for (; row < end; row++) {
        some_rows(m, tile, x, row, 1, bits, half, sums);
        store(sums[0], out + row * stride, count);
      }
    }
  }
}

void packed_product(const PackedMatrix *m, const Activations *x, size_t from, size_t to, size_t first, size_t last,
                    float *y, size_t stride) {
  if (m->bits == 4 && m->half) product(m, x, from, to, first, last, y, stride, 4, 1);
  else if (m->bits == 4) product(m, x, from, to, first, last, y, stride, 4, 0);
  else if (m->half) product(m, x, from, to, first, last, y, stride, 8, 1);
  else product(m, x, from, to, first, last, y, stride, 8, 0);
}
