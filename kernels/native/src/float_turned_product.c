// Gradients of weights, y = a' b over many rows. LoRA's have one narrow side: both factors are read where they lie, once for each 4 or 6
// columns of the narrow one. Rows are shared out as well as columns: few columns of a wide factor would leave threads without work.
#include "float_product.h"
#include "float_tile.h"

// Columns of the wide factor that are a task, rows that a sum takes at once, shares of many rows.
enum { STRIPE = 384, ROWS = 32, SHARES = 4 };

TILES(tiles_any, 0)

typedef struct {
  const TurnedProduct *p;
  const float *narrow, *wide;
  ptrdiff_t few, many;
  int swapped;  // whether the narrow factor is b
  ptrdiff_t stripes, shares, rows_each;
  float *sums;  // [shares, stripes, few, STRIPE]
} Job;

// sums [few, 16] += narrow' wide over some rows, the narrow columns in parts of one size: tiles of 6 and 2 rows take longer than two of 4.
static void add_tiles(const Job *j, const float *a, const float *b, ptrdiff_t ld, ptrdiff_t depth, float *sums) {
  const ptrdiff_t each = ceil_div(j->few, ceil_div(j->few, TILE_ROWS));
  for (ptrdiff_t n = 0; n < j->few; n += each) {
    tiles_any(least(each, j->few - n), (Factors){a + n, 1, j->few, b, ld, depth}, sums + n * STRIPE, STRIPE, 1);
  }
}

static void stripe(void *data, size_t index) {
  const Job *j = data;
  const ptrdiff_t first = (ptrdiff_t)index % j->stripes * STRIPE, columns = least(STRIPE, j->many - first);
  const ptrdiff_t whole = columns / TILE_COLUMNS * TILE_COLUMNS, start = (ptrdiff_t)index / j->stripes * j->rows_each;
  const ptrdiff_t end = least(j->p->rows, start + j->rows_each);
  float *sums = j->sums + (ptrdiff_t)index * j->few * STRIPE, rest[ROWS][TILE_COLUMNS];
  memset(sums, 0, (size_t)(j->few * STRIPE) * sizeof(float));
  for (ptrdiff_t row = start; row < end; row += ROWS) {
    const ptrdiff_t depth = least(ROWS, end - row), ahead = least(ROWS, end - row - depth);
    const float *a = j->narrow + row * j->few, *b = j->wide + row * j->many + first;
    for (ptrdiff_t c = 0; c < whole; c += TILE_COLUMNS) {
      // The same columns of the next rows: 64 bytes of each, which the processor doesn't foresee.
      for (ptrdiff_t i = 0; i < ahead; i++) _mm_prefetch((const char *)(b + (ROWS + i) * j->many + c), _MM_HINT_T0);
      add_tiles(j, a, b + c, j->many, depth, sums + c);
    }
    if (whole == columns) continue;
    for (ptrdiff_t i = 0; i < depth; i++) {
      for (ptrdiff_t c = 0; c < TILE_COLUMNS; c++) rest[i][c] = whole + c < columns ? b[i * j->many + whole + c] : 0;
    }
    add_tiles(j, a, rest[0], TILE_COLUMNS, depth, sums + whole);
  }
}

// Of a stripe: its shares' sums as one.
static void join(void *data, size_t index) {
  const Job *j = data;
  const TurnedProduct *p = j->p;
  const ptrdiff_t first = (ptrdiff_t)index * STRIPE, columns = least(STRIPE, j->many - first);
  const ptrdiff_t size = j->stripes * j->few * STRIPE;
  for (ptrdiff_t n = 0; n < j->few; n++) {
    const float *sums = j->sums + ((ptrdiff_t)index * j->few + n) * STRIPE;
    for (ptrdiff_t c = 0; c < columns; c++) {
      const ptrdiff_t at = j->swapped ? (first + c) * j->few + n : n * j->many + first + c;
      float sum = sums[c];
      for (ptrdiff_t s = 1; s < j->shares; s++) sum += sums[s * size + c];
      p->y[at] = p->base ? p->base[at] + p->alpha * sum : p->alpha * sum;
    }
  }
}

static Job job_of(const TurnedProduct *p) {
  const int swapped = p->right < p->left;
  Job j = {
      .p = p,
      .narrow = swapped ? p->b : p->a,
      .wide = swapped ? p->a : p->b,
      .few = swapped ? p->right : p->left,
      .many = swapped ? p->left : p->right,
      .swapped = swapped,
  };
  j.stripes = ceil_div(j.many, STRIPE);
  j.rows_each = ceil_div(ceil_div(p->rows, ROWS), SHARES) * ROWS;
  j.shares = p->rows ? ceil_div(p->rows, j.rows_each) : 1;
  return j;
}

size_t turned_product_scratch(const TurnedProduct *p) {
  const Job j = job_of(p);
  return (size_t)(j.shares * j.stripes * j.few * STRIPE);
}

void turned_product(const TurnedProduct *p, float *scratch, Threads threads) {
  Job j = job_of(p);
  j.sums = scratch;
  threads.run(threads.place, stripe, &j, (size_t)(j.shares * j.stripes));
  threads.run(threads.place, join, &j, (size_t)j.stripes);
}
