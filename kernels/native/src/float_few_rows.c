#include "float_few_rows.h"

#include "float_tile.h"

// Columns of a task.
enum { COLUMNS_EACH = 64 };
_Static_assert(FEW == TILE_ROWS, "few rows are a tile's at most");

TILES(tiles_row, 1)

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
