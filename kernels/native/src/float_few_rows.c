#include "float_few_rows.h"

#include "blocks.h"
#include "float_tile.h"

// Columns of a task.
enum { COLUMNS_EACH = 64 };
_Static_assert(FEW == TILE_ROWS, "few rows are a tile's at most");

// a of m rows times one row of b: each row's sum as if it were alone.
INLINE void dots(const int m, const Form form, const float *a, ptrdiff_t ld, const void *b, ptrdiff_t n, float *to, ptrdiff_t step) {
  __m256 s[FEW][2];
  UNROLL for (int i = 0; i < m; i++) s[i][0] = s[i][1] = _mm256_setzero_ps();
  ptrdiff_t q = 0;
  for (; q + 16 <= n; q += 16) {
    const __m256 b0 = weights_8(form, b, q), b1 = weights_8(form, b, q + 8);
    UNROLL for (int i = 0; i < m; i++) {
      s[i][0] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i * ld + q), b0, s[i][0]);
      s[i][1] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i * ld + q + 8), b1, s[i][1]);
    }
  }
  UNROLL for (int i = 0; i < m; i++) {
    float sum = sum_of_8(_mm256_add_ps(s[i][0], s[i][1]));
    for (ptrdiff_t r = q; r < n; r++) sum += a[i * ld + r] * weights_1(form, b, r);
    to[i * step] = sum;
  }
}

// Columns of a b, 16 at most.
INLINE void columns_of(const int m, const Form form, const FewRows *p, ptrdiff_t column, ptrdiff_t columns, float sums[FEW][TILE_COLUMNS]) {
  const void *b = weights_at((Weights){p->b.data, form}, p->transposed ? column * p->k : column).data;
  const ptrdiff_t bytes = element_bytes(form);
  if (p->transposed) {
    for (ptrdiff_t c = 0; c < columns; c++) {
      dots(m, form, p->a, p->k, (const char *)b + c * p->k * bytes, p->k, sums[0] + c, TILE_COLUMNS);
    }
  } else if (columns == TILE_COLUMNS) {
    __m256 all[TILE_ROWS][2];
    UNROLL for (int i = 0; i < m; i++) all[i][0] = all[i][1] = _mm256_setzero_ps();
    multiply(m, form, all, p->a, p->k, 1, b, p->n, p->k);
    UNROLL for (int i = 0; i < m; i++) _mm256_storeu_ps(sums[i], all[i][0]), _mm256_storeu_ps(sums[i] + 8, all[i][1]);
  } else {
    for (ptrdiff_t i = 0; i < m; i++) {
      for (ptrdiff_t c = 0; c < columns; c++) {
        float sum = 0;
        for (ptrdiff_t q = 0; q < p->k; q++) sum += p->a[i * p->k + q] * weights_1(form, b, q * p->n + c);
        sums[i][c] = sum;
      }
    }
  }
}

// The same of 16 columns of blocks, which are made float32 a square at a time.
INLINE void columns_of_blocks(const int m, const FewRows *p, ptrdiff_t column, float sums[FEW][TILE_COLUMNS]) {
  float square[TILE_COLUMNS * TILE_COLUMNS];
  __m256 s[TILE_COLUMNS][FEW][2];
  if (p->transposed) {
    for (ptrdiff_t c = 0; c < TILE_COLUMNS; c++) UNROLL for (int i = 0; i < m; i++) s[c][i][0] = s[c][i][1] = _mm256_setzero_ps();
    for (ptrdiff_t q = 0; q < p->k; q += TILE_COLUMNS) {
      panel_of_block_columns(p->b, p->k, q, column, TILE_COLUMNS, square);
      for (ptrdiff_t c = 0; c < TILE_COLUMNS; c++) {
        const __m256 b0 = _mm256_loadu_ps(square + c * TILE_COLUMNS), b1 = _mm256_loadu_ps(square + c * TILE_COLUMNS + 8);
        UNROLL for (int i = 0; i < m; i++) {
          s[c][i][0] = _mm256_fmadd_ps(_mm256_loadu_ps(p->a + i * p->k + q), b0, s[c][i][0]);
          s[c][i][1] = _mm256_fmadd_ps(_mm256_loadu_ps(p->a + i * p->k + q + 8), b1, s[c][i][1]);
        }
      }
    }
    for (ptrdiff_t c = 0; c < TILE_COLUMNS; c++) {
      UNROLL for (int i = 0; i < m; i++) sums[i][c] = sum_of_8(_mm256_add_ps(s[c][i][0], s[c][i][1]));
    }
    return;
  }
  __m256 all[TILE_ROWS][2];
  UNROLL for (int i = 0; i < m; i++) all[i][0] = all[i][1] = _mm256_setzero_ps();
  for (ptrdiff_t q = 0; q < p->k; q += TILE_COLUMNS) {
    panel_of_block_columns(p->b, p->n, column, q, TILE_COLUMNS, square);
    multiply(m, FORM_FLOAT, all, p->a + q, p->k, 1, square, TILE_COLUMNS, TILE_COLUMNS);
  }
  UNROLL for (int i = 0; i < m; i++) _mm256_storeu_ps(sums[i], all[i][0]), _mm256_storeu_ps(sums[i] + 8, all[i][1]);
}

typedef void Columns(const FewRows *p, ptrdiff_t column, ptrdiff_t columns, float sums[FEW][TILE_COLUMNS]);

#define COLUMNS(m, form)                                                                                                                    \
  static __attribute__((noinline)) void columns##m##form(const FewRows *p, ptrdiff_t column, ptrdiff_t columns, float sums[FEW][TILE_COLUMNS]) { \
    columns_of(m, form, p, column, columns, sums);                                                                                          \
  }
#define ALL_COLUMNS(form) \
  COLUMNS(1, form) COLUMNS(2, form) COLUMNS(3, form) COLUMNS(4, form) COLUMNS(5, form) COLUMNS(6, form)
#define LIST(form) {columns1##form, columns2##form, columns3##form, columns4##form, columns5##form, columns6##form}
ALL_COLUMNS(FORM_FLOAT)
ALL_COLUMNS(FORM_BFLOAT16)
ALL_COLUMNS(FORM_FLOAT16)

#define OF_BLOCKS(m)                                                                                                                       \
  static __attribute__((noinline)) void columns##m##blocks(const FewRows *p, ptrdiff_t column, ptrdiff_t columns, float sums[FEW][TILE_COLUMNS]) { \
    (void)columns;                                                                                                                         \
    columns_of_blocks(m, p, column, sums);                                                                                                 \
  }
OF_BLOCKS(1) OF_BLOCKS(2) OF_BLOCKS(3) OF_BLOCKS(4) OF_BLOCKS(5) OF_BLOCKS(6)

static void some_columns(void *data, size_t index) {
  static Columns *const by_form[][FEW] = {LIST(FORM_FLOAT), LIST(FORM_BFLOAT16), LIST(FORM_FLOAT16), LIST(blocks)};
  const FewRows *p = data;
  const ptrdiff_t first = (ptrdiff_t)index * COLUMNS_EACH, end = least(p->n, first + COLUMNS_EACH);
  float sums[FEW][TILE_COLUMNS];
  for (ptrdiff_t column = first; column < end; column += TILE_COLUMNS) {
    const ptrdiff_t columns = least(TILE_COLUMNS, end - column);
    by_form[least(p->b.form, FORM_Q4_0)][p->m - 1](p, column, columns, sums);
    for (ptrdiff_t i = 0; i < p->m; i++) {
      for (ptrdiff_t c = 0; c < columns; c++) {
        const ptrdiff_t at = i * p->n + column + c;
        p->y[at] = (p->base ? p->base[at] : 0) + p->alpha * sums[i][c];
      }
    }
  }
}

void few_rows(FewRows f, Threads threads) {
  if (f.m > 0) threads.run(threads.place, some_columns, &f, (size_t)ceil_div(f.n, COLUMNS_EACH));
}
