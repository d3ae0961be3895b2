// Weights in the form in which they lie: float32, or 16 bits or blocks, which are widened as they are read, to the numbers that the matrix
// has in float32, so results have float32's bits.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Those that lie element by element, and those of blocks, which lie in tiles (blocks.h): what reads elements one by one doesn't take these.
#define ELEMENT_FORMS(each, x) each(FORM_FLOAT, x) each(FORM_BFLOAT16, x) each(FORM_FLOAT16, x)
#define BLOCK_FORMS(each, x)                                                                                      \
  each(FORM_Q4_0, x) each(FORM_Q4_1, x) each(FORM_Q5_0, x) each(FORM_Q5_1, x) each(FORM_Q8_0, x)                  \
  each(FORM_Q4_K, x) each(FORM_Q5_K, x) each(FORM_Q6_K, x)                                                        \
  each(FORM_G4_0, x) each(FORM_G4_1, x) each(FORM_G8_0, x) each(FORM_G8_1, x)

#define LISTED(name, x) name,
typedef enum { ELEMENT_FORMS(LISTED, ) BLOCK_FORMS(LISTED, ) FORMS } Form;

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

// The statement with `form` a constant, so that no loop asks for it; nothing for a form of the other list.
#define IN_FORM(name, statement) case name: { enum { form = name }; statement; } break;
#define BY_FORM(of, statement)                                              \
  do {                                                                      \
    switch (of) { ELEMENT_FORMS(IN_FORM, statement) default: break; }       \
  } while (0)
#define BY_BLOCK_FORM(of, statement)                                        \
  do {                                                                      \
    switch (of) { BLOCK_FORMS(IN_FORM, statement) default: break; }         \
  } while (0)
