// Matrices in blocks of a row's values, which are d q or d q + m: ggml's (d and m float16, of K-quants times whole numbers of 6 or 8 bits), and
// groups of 32 whose d and m are float32 (formats/packed). Of ggml's the product of d and q is exact in float32 and only the sum rounds, once,
// as it does where a file is read as float32; of groups the product rounds once without m, and the sum with it.
//
// They lie in tiles of 16 rows by a block's columns, as large as its blocks: each number of a block, of 16 rows one behind another, in the
// order that it has in a block. So 16 rows of a column, and 16 columns of a row after a transposition of bytes, become a line of a panel alike.
// A matrix has whole tiles only.
#pragma once
#include "weights.h"

enum { BLOCK_ROWS = 16 };

static inline int in_blocks(Form form) { return form >= FORM_Q4_0; }

// Whether d and m are float32.
static inline int in_groups(Form form) { return form >= FORM_G4_0; }

// Columns of a block.
static inline ptrdiff_t block_width(Form form) { return form >= FORM_Q4_K && form <= FORM_Q6_K ? 256 : 32; }

// Bytes of a block.
static inline ptrdiff_t block_bytes(Form form) {
  static const unsigned char bytes[FORMS] = {
      [FORM_Q4_0] = 18,  [FORM_Q4_1] = 20,  [FORM_Q5_0] = 22,  [FORM_Q5_1] = 24, [FORM_Q8_0] = 34, [FORM_Q4_K] = 144,
      [FORM_Q5_K] = 176, [FORM_Q6_K] = 210, [FORM_G4_0] = 20, [FORM_G4_1] = 24, [FORM_G8_0] = 36, [FORM_G8_1] = 40,
  };
  return bytes[form];
}

// Bytes of a tile.
static inline ptrdiff_t tile_bytes(Form form) { return BLOCK_ROWS * block_bytes(form); }

// Panel [depth, 16] of 16 rows of w [?, columns], from a multiple of 16 on, transposed.
void panel_of_block_rows(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t from, ptrdiff_t depth, float *to);

// Panel [depth, 16] of 16 columns of rows from..from + depth - 1, from a multiple of 16 on.
void panel_of_block_columns(Weights w, ptrdiff_t columns, ptrdiff_t column, ptrdiff_t from, ptrdiff_t depth, float *to);

// Elements column to column + 7 of a row, a multiple of 8.
__m256 block_8(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column);
