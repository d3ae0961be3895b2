// Register tiles of float32 products: c [rows, 16] (+)= a b by fused multiply-adds, sums in the order of their terms.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "weights.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// Rows and columns of a tile: 12 sums, two vectors of b and one factor fill the 16 registers.
enum { TILE_ROWS = 6, TILE_COLUMNS = 16 };

static inline ptrdiff_t ceil_div(ptrdiff_t n, ptrdiff_t by) { return (n + by - 1) / by; }
static inline ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// c [mr, 16] += a b: element (i, p) of a is a[i * row + p * step], row p of b begins at its element p * b_step; p < k.
INLINE void multiply_rest(const int mr, const Form form, __m256 c[TILE_ROWS][2], const float *a, ptrdiff_t row, ptrdiff_t step, const void *b,
                          ptrdiff_t b_step, ptrdiff_t k) {
  for (ptrdiff_t at = 0; k > 0; k--, a += step, at += b_step) {
    const __m256 b0 = weights_8(form, b, at), b1 = weights_8(form, b, at + 8);
    UNROLL for (int i = 0; i < mr; i++) {
      const __m256 x = _mm256_broadcast_ss(a + i * row);
      c[i][0] = _mm256_fmadd_ps(x, b0, c[i][0]);
      c[i][1] = _mm256_fmadd_ps(x, b1, c[i][1]);
    }
  }
}

INLINE void multiply(const int mr, const Form form, __m256 c[TILE_ROWS][2], const float *a, ptrdiff_t row, ptrdiff_t step, const void *b,
                     ptrdiff_t b_step, ptrdiff_t k) {
  enum { AT_ONCE = 4 };
  // Three rows from each of two addresses: an address for each row would need an instruction each.
  const float *a3 = a + 3 * row;
  ptrdiff_t at = 0;
  for (; k >= AT_ONCE; k -= AT_ONCE) {
    UNROLL for (int u = 0; u < AT_ONCE; u++) {
      const __m256 b0 = weights_8(form, b, at), b1 = weights_8(form, b, at + 8);
      UNROLL for (int i = 0; i < mr; i++) {
        const __m256 x = _mm256_broadcast_ss(i < 3 ? a + i * row : a3 + (i - 3) * row);
        c[i][0] = _mm256_fmadd_ps(x, b0, c[i][0]);
        c[i][1] = _mm256_fmadd_ps(x, b1, c[i][1]);
      }
      a += step, a3 += step, at += b_step;
    }
  }
  multiply_rest(mr, form, c, a, row, step, (const char *)b + at * element_bytes(form), b_step, k);
}

// e^x: 2^n times a polynomial of the rest (Cephes' expf coefficients), 1 ulp or so; NaN stays NaN, and −∞ gives 0.
INLINE __m256 exponential(__m256 x) {
  const __m256 low = _mm256_set1_ps(-87.3365447f), high = _mm256_set1_ps(88.7228391f);
  // The second operand is given back where one is NaN.
  const __m256 under = _mm256_cmp_ps(x, low, _CMP_LT_OQ);
  const __m256 y = _mm256_min_ps(high, _mm256_max_ps(low, x));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(y, _mm256_set1_ps(1.44269504f)), 8);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), y);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.9875691500e-4f);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
  p = _mm256_fmadd_ps(_mm256_mul_ps(r, r), p, _mm256_add_ps(r, _mm256_set1_ps(1)));
  // 2^n in two halves, since n may be 128.
  const __m256i e = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(e, 1), rest = _mm256_sub_epi32(e, half);
  const __m256i bias = _mm256_set1_epi32(127);
  p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23)));
  p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23)));
  return _mm256_andnot_ps(under, p);
}

// Writes the transpose of 8 × 8 elements, from element `from` of w on.
INLINE void transpose8(const Form form, const void *w, ptrdiff_t from, ptrdiff_t ld, float *to, ptrdiff_t ld_to) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; i++) r[i] = weights_8(form, w, from + i * ld);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_ps(to + i * ld_to, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * ld_to, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

// Panel [depth, 16] of up to 16 rows of w [rows, depth] transposed; missing ones are zero.
INLINE void panel_of_rows(const Form form, const void *w, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t depth, float *panel) {
  ptrdiff_t p = 0;
  if (rows == TILE_COLUMNS) {
    for (; p + 8 <= depth; p += 8) {
      transpose8(form, w, p, ld, panel + p * TILE_COLUMNS, TILE_COLUMNS);
      transpose8(form, w, p + 8 * ld, ld, panel + p * TILE_COLUMNS + 8, TILE_COLUMNS);
    }
  }
  for (; p < depth; p++) {
    for (ptrdiff_t i = 0; i < TILE_COLUMNS; i++) panel[p * TILE_COLUMNS + i] = i < rows ? weights_1(form, w, i * ld + p) : 0;
  }
}

INLINE float sum_of_8(__m256 v) {
  float x[8];
  _mm256_storeu_ps(x, v);
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

INLINE float largest_of_8(__m256 v) {
  float x[8];
  _mm256_storeu_ps(x, v);
  float m = x[0];
  for (int i = 1; i < 8; i++) m = x[i] > m ? x[i] : m;
  return m;
}

// A row [count], a multiple of 16, becomes e^(x - most). Gives the sum.
INLINE float exponentials(float *row, ptrdiff_t count, __m256 most) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  for (ptrdiff_t c = 0; c < count; c += 16) {
    const __m256 a = exponential(_mm256_sub_ps(_mm256_loadu_ps(row + c), most));
    const __m256 b = exponential(_mm256_sub_ps(_mm256_loadu_ps(row + c + 8), most));
    _mm256_storeu_ps(row + c, a), _mm256_storeu_ps(row + c + 8, b);
    s0 = _mm256_add_ps(s0, a), s1 = _mm256_add_ps(s1, b);
  }
  return sum_of_8(_mm256_add_ps(s0, s1));
}

INLINE float dot_of(const Form form, const float *a, const void *b, ptrdiff_t n) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), weights_8(form, b, i), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), weights_8(form, b, i + 8), s1);
  }
  float sum = sum_of_8(_mm256_add_ps(s0, s1));
  for (; i < n; i++) sum += a[i] * weights_1(form, b, i);
  return sum;
}

INLINE float dot(const float *a, const float *b, ptrdiff_t n) { return dot_of(FORM_FLOAT, a, b, n); }

// Eight elements, or as many as there are; those that lack are 0.
INLINE __m256 get_of(const Form form, const void *from, ptrdiff_t count) {
  if (count >= 8) return weights_8(form, from, 0);
  float all[8] = {0};
  for (ptrdiff_t i = 0; i < count; i++) all[i] = weights_1(form, from, i);
  return _mm256_loadu_ps(all);
}

INLINE __m256 get(const float *from, ptrdiff_t count) {
  if (count >= 8) return _mm256_loadu_ps(from);
  float all[8] = {0};
  memcpy(all, from, (size_t)count * sizeof(float));
  return _mm256_loadu_ps(all);
}

// Writes up to 8 elements.
INLINE void put(float *to, __m256 x, ptrdiff_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(to, x);
  } else {
    float all[8];
    _mm256_storeu_ps(all, x);
    memcpy(to, all, count * sizeof(float));
  }
}
