#include "quantize.h"

#include <immintrin.h>
#include <string.h>

static float largest(__m256 v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

static float sum_of_floats(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static int32_t sum_of(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_unpackhi_epi64(s, s));
  return _mm_cvtsi128_si32(s) + _mm_extract_epi32(s, 1);
}

// Groups whose largest magnitude is below TINY are taken LIFT times as large: near the least floats a scale's reciprocal is infinite.
static const float TINY = 0x1p-100f, LIFT = 0x1p64f;

static void quantize_group(const float *x, int8_t *codes, float *scale, float *sum) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 v[4], most = _mm256_setzero_ps(), nothing = most;
  for (int i = 0; i < 4; i++) {
    v[i] = _mm256_loadu_ps(x + 8 * i);
    most = _mm256_max_ps(most, _mm256_andnot_ps(sign, v[i]));
    nothing = _mm256_fmadd_ps(v[i], _mm256_setzero_ps(), nothing);
  }
  const float top = largest(most), lift = top < TINY ? LIFT : 1;
  const float size = top * lift / 127.0f;
  const __m256 factor = _mm256_set1_ps(size > 0 ? 1.0f / size : 0.0f);
  __m256i q[4], total = _mm256_setzero_si256();
  for (int i = 0; i < 4; i++) {
    q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_mul_ps(v[i], _mm256_set1_ps(lift)), factor));
    total = _mm256_add_epi32(total, q[i]);
  }
  const __m256i halves = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256((__m256i *)codes, _mm256_permutevar8x32_epi32(halves, order));
  // 0, or not a number if a value is none or isn't finite: the group's share of each sum is none then, too.
  *scale = size / lift + sum_of_floats(nothing);
  *sum = *scale * (float)sum_of(total);
}

void quantize_row(const float *x, size_t columns, size_t groups, int8_t *codes, float *scales, float *sums) {
  size_t g = 0;
  for (; (g + 1) * GROUP <= columns; g++) quantize_group(x + g * GROUP, codes + g * GROUP, scales + g, sums + g);
  if (g < groups) {
    float rest[GROUP] = {0};
    memcpy(rest, x + g * GROUP, (columns - g * GROUP) * sizeof(float));
    quantize_group(rest, codes + g * GROUP, scales + g, sums + g);
  }
}
