// Codes and scales of a tile (blocks.h), of 16 rows at once. Columns are told as those from a multiple of 16 on, which have one scale, and one of
// these 16. `at` is where a number of 16 rows lies: 16 bytes for each byte before it in a block.
#pragma once
#include "blocks.h"
#include "float_tile.h"

INLINE __m128i bytes_at(const uint8_t *tile, ptrdiff_t at) { return _mm_loadu_si128((const __m128i *)(tile + BLOCK_ROWS * at)); }

// The low or the high half of each byte.
INLINE __m128i nibbles(__m128i both, int high) { return _mm_and_si128(high ? _mm_srli_epi16(both, 4) : both, _mm_set1_epi8(15)); }

// 16 where bit i of a byte is set.
INLINE __m128i fifth_bits(__m128i bytes, ptrdiff_t i) {
  const __m128i bit = _mm_set1_epi8((char)(1 << i));
  return _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(bytes, bit), bit), _mm_set1_epi8(16));
}

// Bits 2 i and 2 i + 1 of each byte, times 16.
INLINE __m128i high_pairs(__m128i bytes, ptrdiff_t i) {
  const __m128i turned = i == 0 ? _mm_slli_epi16(bytes, 4) : i == 1 ? _mm_slli_epi16(bytes, 2) : i == 2 ? bytes : _mm_srli_epi16(bytes, 2);
  return _mm_and_si128(turned, _mm_set1_epi8(48));
}

// Where codes begin in a block.
static inline ptrdiff_t codes_begin(Form form) {
  switch (form) {
    case FORM_Q4_0: case FORM_Q8_0: return 2;
    case FORM_Q4_1: case FORM_G4_0: case FORM_G8_0: return 4;
    case FORM_Q5_0: return 6;
    case FORM_Q5_1: case FORM_G4_1: case FORM_G8_1: return 8;
    case FORM_Q4_K: return 16;
    case FORM_Q5_K: return 48;
    default: return 0;
  }
}

// Numbers of column `from + i`, bytes with a sign.
INLINE __m128i codes_of(const Form form, const uint8_t *tile, ptrdiff_t from, ptrdiff_t i) {
  const ptrdiff_t codes = codes_begin(form), column = from + i;
  switch (form) {
    case FORM_Q4_0: return _mm_sub_epi8(nibbles(bytes_at(tile, codes + i), from != 0), _mm_set1_epi8(8));
    case FORM_Q4_1: return nibbles(bytes_at(tile, codes + i), from != 0);
    case FORM_Q5_0: case FORM_Q5_1: {
      const __m128i high = fifth_bits(bytes_at(tile, codes - 4 + column / 8), i % 8);
      const __m128i q = _mm_or_si128(nibbles(bytes_at(tile, codes + i), from != 0), high);
      return form == FORM_Q5_0 ? _mm_sub_epi8(q, _mm_set1_epi8(16)) : q;
    }
    case FORM_Q4_K: case FORM_Q5_K: {
      const ptrdiff_t in_32 = from % 32 + i;
      const __m128i q = nibbles(bytes_at(tile, codes + from / 64 * 32 + in_32), from / 32 % 2);
      return form == FORM_Q4_K ? q : _mm_or_si128(q, fifth_bits(bytes_at(tile, 16 + in_32), from / 32));
    }
    case FORM_Q6_K: {
      const ptrdiff_t half = from / 128, part = from % 128 / 32, in_32 = from % 32 + i;
      const __m128i low = nibbles(bytes_at(tile, 64 * half + 32 * (part % 2) + in_32), part / 2);
      return _mm_sub_epi8(_mm_or_si128(low, high_pairs(bytes_at(tile, 128 + 32 * half + in_32), part)), _mm_set1_epi8(32));
    }
    case FORM_G4_0: case FORM_G4_1: return _mm_sub_epi8(nibbles(bytes_at(tile, codes + column / 2), i % 2), _mm_set1_epi8(8));
    case FORM_G8_0: case FORM_G8_1: return _mm_xor_si128(bytes_at(tile, codes + column), _mm_set1_epi8(-128));
    default: return bytes_at(tile, codes + column);
  }
}

typedef struct {
  __m256 d[2], m[2];  // of 16 rows
} Scales;

INLINE int has_minimum(const Form form) {
  return form == FORM_Q4_1 || form == FORM_Q5_1 || form == FORM_Q4_K || form == FORM_Q5_K || form == FORM_G4_1 || form == FORM_G8_1;
}

INLINE __m256 halves_8(const uint8_t *at) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at)); }
INLINE __m256 bytes_8(__m128i q) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)); }

// Scales and minima of 6 bits of columns 32 g to 32 g + 31 (ggml-quants.c, get_scale_min_k4).
INLINE void six_bits(const uint8_t *tile, ptrdiff_t g, __m128i *d, __m128i *m) {
  enum { PLACE = 4, ALL = 63, HIGH = 48 };
  if (g < 4) {
    *d = _mm_and_si128(bytes_at(tile, PLACE + g), _mm_set1_epi8(ALL));
    *m = _mm_and_si128(bytes_at(tile, PLACE + 4 + g), _mm_set1_epi8(ALL));
    return;
  }
  const __m128i low = bytes_at(tile, PLACE + 4 + g), high = _mm_set1_epi8(HIGH);
  *d = _mm_or_si128(nibbles(low, 0), _mm_and_si128(_mm_srli_epi16(bytes_at(tile, PLACE - 4 + g), 2), high));
  *m = _mm_or_si128(nibbles(low, 1), _mm_and_si128(_mm_srli_epi16(bytes_at(tile, PLACE + g), 2), high));
}

// Those of 16 columns.
INLINE Scales scales_of(const Form form, const uint8_t *tile, ptrdiff_t from) {
  enum { Q6_K_SCALES = 192, Q6_K_D = 208 };
  Scales s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}, {_mm256_setzero_ps(), _mm256_setzero_ps()}};
  if (in_groups(form)) {
    const float *d = (const float *)tile, *m = d + BLOCK_ROWS;
    UNROLL for (int i = 0; i < 2; i++) {
      s.d[i] = _mm256_loadu_ps(d + 8 * i);
      if (has_minimum(form)) s.m[i] = _mm256_loadu_ps(m + 8 * i);
    }
    return s;
  }
  const uint8_t *halves = form == FORM_Q6_K ? tile + BLOCK_ROWS * Q6_K_D : tile;
  UNROLL for (int i = 0; i < 2; i++) {
    s.d[i] = halves_8(halves + 16 * i);
    if (has_minimum(form)) s.m[i] = halves_8(halves + 32 + 16 * i);
  }
  __m128i d = _mm_setzero_si128(), m = d;
  if (form == FORM_Q4_K || form == FORM_Q5_K) six_bits(tile, from / 32, &d, &m);
  else if (form == FORM_Q6_K) d = bytes_at(tile, Q6_K_SCALES + from / 16);
  else return s;
  UNROLL for (int i = 0; i < 2; i++) {
    s.d[i] = _mm256_mul_ps(s.d[i], bytes_8(i ? _mm_srli_si128(d, 8) : d));
    // It is taken away.
    if (has_minimum(form)) s.m[i] = _mm256_fnmadd_ps(s.m[i], bytes_8(i ? _mm_srli_si128(m, 8) : m), _mm256_set1_ps(-0.0f));
  }
  return s;
}
