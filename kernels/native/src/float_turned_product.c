// Gradients of weights, y = a' b over many rows, with one narrow side, as LoRA's. Some rows of the wide factor are read from end to end where
// they lie, which the processor foresees, beside sums of all columns; rows are shared out, too: few columns would leave threads without work.
#include "float_product.h"
#include "float_tile.h"

// Columns of the wide factor that are a task, rows that are added at once, shares of all rows, columns of the narrow factor that are a vector;
// columns whose sums are in registers at once, and in a line of memory; columns that a task joins.
enum { STRIPE = 2048, ROWS = 8, SHARES = 4, NARROW = 8, AT_ONCE = 4, LINE = 16, JOINED = 64 };

typedef struct {
  const TurnedProduct *p;
  const float *narrow, *wide;
  ptrdiff_t few, many;
  int swapped;  // whether the narrow factor is b
  ptrdiff_t stripes, shares, rows_each, parts;
  float *sums;  // [shares, parts of the narrow factor, many, NARROW]
} Job;

// sums [columns, 8] += narrow' wide of some rows, which are x; from: every third of wide's rows.
INLINE void add_columns(const int rows, const int columns, const __m256 *x, const float *const *from, ptrdiff_t ld, float *sums) {
  __m256 s[AT_ONCE];
  UNROLL for (int u = 0; u < columns; u++) s[u] = _mm256_loadu_ps(sums + u * NARROW);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int u = 0; u < columns; u++) s[u] = _mm256_fmadd_ps(_mm256_broadcast_ss(from[i / 3] + i % 3 * ld + u), x[i], s[u]);
  }
  UNROLL for (int u = 0; u < columns; u++) _mm256_storeu_ps(sums + u * NARROW, s[u]);
}

// The same of all columns; ahead: as many rows behind these are asked for.
INLINE void add_rows(const int rows, const float *narrow, ptrdiff_t few, ptrdiff_t count, const float *wide, ptrdiff_t ld,
                     ptrdiff_t columns, const int ahead, float *sums) {
  __m256 x[ROWS];
  UNROLL for (int i = 0; i < rows; i++) x[i] = get(narrow + i * few, count);
  for (; columns >= LINE; columns -= LINE, wide += LINE, sums += LINE * NARROW) {
    const float *const from[] = {wide, wide + 3 * ld, wide + 6 * ld}, *next = wide + ROWS * ld;
    if (ahead) UNROLL for (int i = 0; i < ROWS; i++) _mm_prefetch((const char *)(next + i * ld), _MM_HINT_T0);
    UNROLL for (int u = 0; u < LINE; u += AT_ONCE) {
      const float *const at[] = {from[0] + u, from[1] + u, from[2] + u};
      add_columns(rows, AT_ONCE, x, at, ld, sums + u * NARROW);
    }
  }
  for (; columns > 0; columns--, wide++, sums += NARROW) {
    const float *const from[] = {wide, wide + 3 * ld, wide + 6 * ld};
    add_columns(rows, 1, x, from, ld, sums);
  }
}

static void stripe(void *data, size_t index) {
  const Job *j = data;
  const ptrdiff_t share = (ptrdiff_t)index / j->stripes, first = (ptrdiff_t)index % j->stripes * STRIPE;
  const ptrdiff_t columns = least(STRIPE, j->many - first), start = share * j->rows_each, end = least(j->p->rows, start + j->rows_each);
  for (ptrdiff_t n = 0; n < j->parts; n++) {
    memset(j->sums + ((share * j->parts + n) * j->many + first) * NARROW, 0, (size_t)(columns * NARROW) * sizeof(float));
  }
  for (ptrdiff_t row = start, rows; row < end; row += rows) {
    rows = end - row < ROWS ? 1 : ROWS;
    const float *wide = j->wide + row * j->many + first;
    for (ptrdiff_t n = 0; n < j->parts; n++) {
      const float *narrow = j->narrow + row * j->few + n * NARROW;
      float *sums = j->sums + ((share * j->parts + n) * j->many + first) * NARROW;
      const ptrdiff_t count = j->few - n * NARROW;
      if (rows == 1) add_rows(1, narrow, j->few, count, wide, j->many, columns, 0, sums);
      else if (n == 0 && end - row >= 2 * ROWS) add_rows(ROWS, narrow, j->few, count, wide, j->many, columns, 1, sums);
      else add_rows(ROWS, narrow, j->few, count, wide, j->many, columns, 0, sums);
    }
  }
}

// Of some columns: all shares' sums as one.
static void join(void *data, size_t index) {
  const Job *j = data;
  const TurnedProduct *p = j->p;
  const ptrdiff_t start = (ptrdiff_t)index * JOINED, end = least(j->many, start + JOINED), size = j->parts * j->many * NARROW;
  const __m256 alpha = _mm256_set1_ps(p->alpha);
  for (ptrdiff_t n = 0; n < j->parts; n++) {
    const ptrdiff_t count = least(NARROW, j->few - n * NARROW);
    for (ptrdiff_t c = start; c < end; c += 8) {
      const ptrdiff_t columns = least(8, end - c);
      float all[8][NARROW] = {{0}}, turned[NARROW][8];
      for (ptrdiff_t i = 0; i < columns; i++) {
        const float *from = j->sums + (n * j->many + c + i) * NARROW;
        __m256 sum = _mm256_loadu_ps(from);
        for (ptrdiff_t s = 1; s < j->shares; s++) sum = _mm256_add_ps(sum, _mm256_loadu_ps(from + s * size));
        _mm256_storeu_ps(all[i], _mm256_mul_ps(sum, alpha));
      }
      if (!j->swapped) transpose8(FORM_FLOAT, all[0], 0, NARROW, turned[0], 8);
      const ptrdiff_t rows = j->swapped ? columns : count, wide = j->swapped ? count : columns;
      for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t at = j->swapped ? (c + i) * j->few + n * NARROW : (n * NARROW + i) * j->many + c;
        const __m256 sum = _mm256_loadu_ps(j->swapped ? all[i] : turned[i]);
        put(p->y + at, p->base ? _mm256_add_ps(get(p->base + at, wide), sum) : sum, wide);
      }
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
  j.parts = ceil_div(j.few, NARROW);
  j.rows_each = ceil_div(ceil_div(p->rows, ROWS), SHARES) * ROWS;
  j.shares = p->rows ? ceil_div(p->rows, j.rows_each) : 1;
  return j;
}

size_t turned_product_scratch(const TurnedProduct *p) {
  const Job j = job_of(p);
  return (size_t)(j.shares * j.parts * j.many * NARROW);
}

void turned_product(const TurnedProduct *p, float *scratch, Threads threads) {
  Job j = job_of(p);
  j.sums = scratch;
  threads.run(threads.place, stripe, &j, (size_t)(j.shares * j.stripes));
  threads.run(threads.place, join, &j, (size_t)ceil_div(j.many, JOINED));
}
