// Weights in the form in which they lie: float32, or 16 bits or ggml's blocks, which are widened as they are read, to the numbers that the
// matrix has in float32, so results have float32's bits.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Those of blocks, from FORM_Q4_0 on, lie in tiles (blocks.h): what reads elements one by one doesn't take them.
typedef enum { FORM_FLOAT, FORM_BFLOAT16, FORM_FLOAT16, FORM_Q4_0, FORM_Q4_1, FORM_Q8_0 } Form;

typedef struct {
  const void *data;
  Form form;
} Weights;

static inline Weights floats_of(const float *data) { return (Weights){data, FORM_FLOAT}; }

static inline ptrdiff_t element_bytes(Form form) { return form == FORM_FLOAT ? 4 : 2; }

// From element i on.
static inline Weights weights_at(Weights w, ptrdiff_t i) { return (Weights){(const char *)w.data + i * element_bytes(w.form), w.form}; }

// Elements i to i + 7.
static inline __attribute__((always_inline)) __m256 weights_8(const Form form, const void *data, ptrdiff_t i) {
  if (form == FORM_FLOAT) return _mm256_loadu_ps((const float *)data + i);
  const __m128i bits = _mm_loadu_si128((const __m128i *)((const uint16_t *)data + i));
  if (form == FORM_FLOAT16) return _mm256_cvtph_ps(bits);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

static inline __attribute__((always_inline)) float weights_1(const Form form, const void *data, ptrdiff_t i) {
  if (form == FORM_FLOAT) return ((const float *)data)[i];
  const uint16_t bits = ((const uint16_t *)data)[i];
  if (form == FORM_FLOAT16) return _cvtsh_ss(bits);
  const uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

// The statement with `form` a constant, so that no loop asks for it.
#define BY_FORM(of, statement)                                             \
  do {                                                                     \
    switch (of) {                                                          \
      case FORM_FLOAT: { enum { form = FORM_FLOAT }; statement; } break;         \
      case FORM_BFLOAT16: { enum { form = FORM_BFLOAT16 }; statement; } break;   \
      case FORM_FLOAT16: { enum { form = FORM_FLOAT16 }; statement; } break;     \
      default: break;                                                      \
    }                                                                      \
  } while (0)
