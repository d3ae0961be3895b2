// Values held between -cap and cap: cap tanh(x / cap), as Gemma 2 has it of scores and logits.
#pragma once
#include "float_tile.h"

// tanh by a quotient of polynomials (Eigen's coefficients), within 3e-7 of it; beyond 7.905 it stays what it is there. NaN stays NaN.
INLINE __m256 hyperbolic_tangent(__m256 x) {
  const __m256 most = _mm256_set1_ps(7.90531110763549805f);
  // The second operand is given back where one is NaN.
  const __m256 y = _mm256_min_ps(most, _mm256_max_ps(_mm256_set1_ps(-7.90531110763549805f), x)), y2 = _mm256_mul_ps(y, y);
  __m256 p = _mm256_fmadd_ps(y2, _mm256_set1_ps(-2.76076847742355e-16f), _mm256_set1_ps(2.00018790482477e-13f));
  p = _mm256_fmadd_ps(p, y2, _mm256_set1_ps(-8.60467152213735e-11f));
  p = _mm256_fmadd_ps(p, y2, _mm256_set1_ps(5.12229709037114e-08f));
  p = _mm256_fmadd_ps(p, y2, _mm256_set1_ps(1.48572235717979e-05f));
  p = _mm256_fmadd_ps(p, y2, _mm256_set1_ps(6.37261928875436e-04f));
  p = _mm256_fmadd_ps(p, y2, _mm256_set1_ps(4.89352455891786e-03f));
  __m256 q = _mm256_fmadd_ps(y2, _mm256_set1_ps(1.19825839466702e-06f), _mm256_set1_ps(1.18534705686654e-04f));
  q = _mm256_fmadd_ps(q, y2, _mm256_set1_ps(2.26843463243900e-03f));
  q = _mm256_fmadd_ps(q, y2, _mm256_set1_ps(4.89352518554385e-03f));
  return _mm256_div_ps(_mm256_mul_ps(y, p), q);
}

// values [count] become capped; with slopes [count], these are what a change of each is multiplied by; count is whole vectors.
INLINE void soft_cap(float *values, ptrdiff_t count, float cap, float *slopes) {
  const __m256 by = _mm256_set1_ps(cap), inverse = _mm256_set1_ps(1 / cap);
  for (ptrdiff_t i = 0; i < count; i += 8) {
    const __m256 t = hyperbolic_tangent(_mm256_mul_ps(_mm256_loadu_ps(values + i), inverse));
    _mm256_storeu_ps(values + i, _mm256_mul_ps(t, by));
    if (slopes) _mm256_storeu_ps(slopes + i, _mm256_fnmadd_ps(t, t, _mm256_set1_ps(1)));
  }
}

// to [count] times what a change of each capped value is multiplied by, 0 of -infinity; count is whole vectors.
INLINE void times_slopes(const float *capped, ptrdiff_t count, float cap, float *to) {
  const __m256 inverse = _mm256_set1_ps(1 / cap);
  for (ptrdiff_t i = 0; i < count; i += 8) {
    const __m256 t = _mm256_mul_ps(_mm256_loadu_ps(capped + i), inverse);
    const __m256 slope = _mm256_max_ps(_mm256_setzero_ps(), _mm256_fnmadd_ps(t, t, _mm256_set1_ps(1)));
    _mm256_storeu_ps(to + i, _mm256_mul_ps(_mm256_loadu_ps(to + i), slope));
  }
}
