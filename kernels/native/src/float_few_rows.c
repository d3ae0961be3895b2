#include "float_few_rows.h"

#include "float_tile.h"

// Columns of a task.
enum { COLUMNS_EACH = 64 };
_Static_assert(FEW == TILE_ROWS, "few rows are a tile's at most");

TILES(tiles_row, 1)

static float dot(const float *a, const float *b, ptrdiff_t n) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
  }
  float sum = sum_of_8(_mm256_add_ps(s0, s1));
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static void some_columns(void *data, size_t index) {
  const FewRows *p = data;
  const ptrdiff_t first = (ptrdiff_t)index * COLUMNS_EACH, end = least(p->n, first + COLUMNS_EACH);
  float sums[FEW][TILE_COLUMNS];
  for (ptrdiff_t column = first; column < end; column += TILE_COLUMNS) {
    const ptrdiff_t columns = least(TILE_COLUMNS, end - column);
    if (!p->transposed && columns == TILE_COLUMNS) {
      tiles_row(p->m, (Factors){p->a, p->k, 1, p->b + column, p->n, p->k}, sums[0], TILE_COLUMNS, 0);
    } else {
      for (ptrdiff_t i = 0; i < p->m; i++) {
        for (ptrdiff_t c = 0; c < columns; c++) {
          const float *a = p->a + i * p->k;
          float sum = 0;
          if (p->transposed) sum = dot(a, p->b + (column + c) * p->k, p->k);
          else for (ptrdiff_t q = 0; q < p->k; q++) sum += a[q] * p->b[q * p->n + column + c];
          sums[i][c] = sum;
        }
      }
    }
    for (ptrdiff_t i = 0; i < p->m; i++) {
      for (ptrdiff_t c = 0; c < columns; c++) {
        const ptrdiff_t at = i * p->n + column + c;
        p->y[at] = (p->base ? p->base[at] : 0) + p->alpha * sums[i][c];
      }
    }
  }
}

void few_rows(FewRows f, Threads threads) {
  threads.run(threads.place, some_columns, &f, (size_t)ceil_div(f.n, COLUMNS_EACH));
}
