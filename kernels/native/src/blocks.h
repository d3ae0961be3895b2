// Matrices in ggml's blocks, of 32 values of a row each: d (q - 8) (Q4_0), d q + m (Q4_1) or d q (Q8_0), d and m float16. Products of a
// float16 and these codes are exact in float32 and only the sum rounds, once, as it does where a file is read as float32.
//
// They lie in tiles of 16 rows by 32 columns: 16 d, of Q4_1 16 m, and codes, a column's 16 behind another's: of 4 bits columns i in the low
// and 16 + i in the high halves of the bytes 16 i on. So 16 rows of a column, and 16 columns of a row after a transposition of bytes, become
// a line of a panel alike. A matrix has whole tiles only.
#pragma once
#include "weights.h"

enum { BLOCK_ROWS = 16, BLOCK_COLUMNS = 32 };

static inline int in_blocks(Form form) { return form >= FORM_Q4_0; }

// Bytes of a tile.
static inline ptrdiff_t tile_bytes(Form form) { return BLOCK_ROWS * (form == FORM_Q8_0 ? 2 + 32 : form == FORM_Q4_1 ? 4 + 16 : 2 + 16); }

// Panel [depth, 16] of 16 rows of w [?, columns], from a multiple of 16 on, transposed.
void panel_of_block_rows(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t from, ptrdiff_t depth, float *to);

// Panel [depth, 16] of 16 columns of rows from..from + depth - 1, from a multiple of 16 on.
void panel_of_block_columns(Weights w, ptrdiff_t columns, ptrdiff_t column, ptrdiff_t from, ptrdiff_t depth, float *to);

// Elements column to column + 7 of a row, a multiple of 8.
__m256 block_8(Weights w, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column);
