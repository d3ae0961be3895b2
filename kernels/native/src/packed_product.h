// Products of rows with a matrix in 4 or 8 bits.
//
// The matrix [outputs, columns] lies in tiles of 8 outputs, each tile by groups of 32 columns, a group as
//   scales of the 8 outputs, minima of the 8 outputs (float16 or float32),
//   codes: vectors of 32 bytes with 4 columns of each output: 8 of them in 8 bits (code - 128); 4 in 4 bits, columns 8v to 8v + 3 in
//   the low halves of vector v and 8v + 4 to 8v + 7 in the high ones.
// A value is scale * code + minimum.
#pragma once
#include "quantize.h"

enum { TILE = 8 };

typedef struct {
  const uint8_t *tiles;
  size_t outputs, groups;
  int bits;      // 4 or 8
  int half;      // whether scales and minima are float16
} PackedMatrix;

size_t packed_tile_bytes(const PackedMatrix *matrix);

// y[row * stride + output] for the rows from..to - 1 and the tiles first..last - 1. A row's numbers don't depend on other rows.
void packed_product(const PackedMatrix *matrix, const Activations *x, size_t from, size_t to, size_t first, size_t last,
                    float *y, size_t stride);
// The same by AVX-512's products of bytes.
void packed_product_wide(const PackedMatrix *matrix, const Activations *x, size_t from, size_t to, size_t first, size_t last, float *y,
                         size_t stride);
