// Register tiles of attention: weights of 6 queries beside each other and 16 keys are [6, 16] in one piece.
#pragma once
#include "float_tile.h"

// A function of its own, in whichever file calls it.
#define OWN static inline __attribute__((noinline))

enum { KEYS = TILE_COLUMNS, TILE = TILE_ROWS * KEYS };

// e^x by a power of 2, over 2^most, where most is a whole number near the largest x / ln 2: so no digit of x is lost.
typedef struct {
  __m256 bias, low;  // what makes the rounded exponent the low bits of a sum; x below it give 0
} Power;

INLINE Power power_of(float largest) {
  const __m256 most = _mm256_round_ps(_mm256_set1_ps(largest * 1.44269504f), 8);
  return (Power){_mm256_sub_ps(_mm256_set1_ps(0x1.8p23f + 127), most),
                 _mm256_mul_ps(_mm256_sub_ps(most, _mm256_set1_ps(127)), _mm256_set1_ps(0.693147181f))};
}

// The rest's polynomial is minimax on -0.5..0.5 (relative error 2e-9 before rounding). NaN stays NaN.
INLINE __m256 power(__m256 x, Power to) {
  const __m256 base = _mm256_set1_ps(1.44269504f);
  // The second operand is given back where one is NaN.
  x = _mm256_max_ps(to.low, x);
  const __m256 sum = _mm256_fmadd_ps(x, base, to.bias), rest = _mm256_fmsub_ps(x, base, _mm256_sub_ps(sum, to.bias));
  __m256 p = _mm256_set1_ps(0.00015353362f);
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.0013398875f));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.009618437f));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.055503324f));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.24022648f));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(0.6931472f));
  p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(1));
  // Exponent -127 is 0, and none is less, however x was rounded.
  const __m256i bits = _mm256_max_epi32(_mm256_castps_si256(sum), _mm256_set1_epi32(0x4b400000));
  return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23)));
}

INLINE void products(const float *rows, ptrdiff_t ld, const float *panel, ptrdiff_t d, __m256 c[TILE_ROWS][2]) {
  UNROLL for (int i = 0; i < TILE_ROWS; i++) c[i][0] = c[i][1] = _mm256_setzero_ps();
  multiply(TILE_ROWS, FORM_FLOAT, c, rows, ld, 1, panel, KEYS, d);
}

// to [6, 16] = rows [6, d] times panel [d, 16].
OWN void scores_tile(const float *rows, ptrdiff_t ld, const float *panel, ptrdiff_t d, float *to) {
  __m256 c[TILE_ROWS][2];
  products(rows, ld, panel, d, c);
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    _mm256_store_ps(to + i * KEYS, c[i][0]);
    _mm256_store_ps(to + i * KEYS + 8, c[i][1]);
  }
}

// to [6, 16] *= rows [6, d] times panel [d, 16] - minus [6].
OWN void slopes_tile(const float *rows, ptrdiff_t ld, const float *panel, ptrdiff_t d, const float *minus, float *to) {
  __m256 c[TILE_ROWS][2];
  products(rows, ld, panel, d, c);
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    const __m256 less = _mm256_broadcast_ss(minus + i);
    float *at = to + i * KEYS;
    _mm256_store_ps(at, _mm256_mul_ps(_mm256_load_ps(at), _mm256_sub_ps(c[i][0], less)));
    _mm256_store_ps(at + 8, _mm256_mul_ps(_mm256_load_ps(at + 8), _mm256_sub_ps(c[i][1], less)));
  }
}

// to [rows, 16] (+)= the transpose of weights [6, rows of 16] times values [6, 16], over groups of 6 queries, `step` and 6 ld floats apart,
// of which `groups` has the numbers.
INLINE void turned(const int rows, const float *weights, ptrdiff_t step, const float *values, ptrdiff_t ld, const unsigned char *groups,
                   ptrdiff_t count, float *to, ptrdiff_t ld_to, int add) {
  __m256 c[TILE_ROWS][2];
  UNROLL for (int i = 0; i < rows; i++) {
    c[i][0] = c[i][1] = _mm256_setzero_ps();
    _mm_prefetch((const char *)(to + i * ld_to), _MM_HINT_T0);
  }
  for (ptrdiff_t n = 0; n < count; n++) {
    const float *a = weights + groups[n] * step, *b = values + groups[n] * (TILE_ROWS * ld);
    // Unrolled, the compiler loads ahead and puts sums into memory for it.
    _Pragma("clang loop unroll(disable)") for (int p = 0; p < TILE_ROWS; p++, a += KEYS, b += ld) {
      const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);
      UNROLL for (int i = 0; i < rows; i++) {
        const __m256 x = _mm256_broadcast_ss(a + i);
        c[i][0] = _mm256_fmadd_ps(x, b0, c[i][0]);
        c[i][1] = _mm256_fmadd_ps(x, b1, c[i][1]);
      }
    }
  }
  UNROLL for (int i = 0; i < rows; i++) {
    float *at = to + i * ld_to;
    if (add) {
      c[i][0] = _mm256_add_ps(c[i][0], _mm256_load_ps(at));
      c[i][1] = _mm256_add_ps(c[i][1], _mm256_load_ps(at + 8));
    }
    _mm256_store_ps(at, c[i][0]);
    _mm256_store_ps(at + 8, c[i][1]);
  }
}

#define TURNED(rows)                                                                                                             \
  OWN void turned##rows(const float *weights, ptrdiff_t step, const float *values, ptrdiff_t ld, const unsigned char *groups,     \
                        ptrdiff_t count, float *to, ptrdiff_t ld_to, int add) {                                                  \
    turned(rows, weights, step, values, ld, groups, count, to, ld_to, add);                                                      \
  }
