// Rows of activations in 8 bits: for each group of 32 the nearest multiples of its largest magnitude / 127, as ONNX Runtime's
// MatMulNBits with accuracy_level 4 and llama.cpp's Q8_1 have them.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { GROUP = 32 };

typedef struct {
  int8_t *codes;  // [rows, groups * GROUP]
  float *scales;  // [rows, groups]
  float *sums;    // [rows, groups]: scale * sum of the group's codes
} Activations;

// columns: of a row of x; what lacks to whole groups counts as 0.
void quantize_row(const float *x, size_t columns, size_t groups, int8_t *codes, float *scales, float *sums);
