// The first factor is laid out in groups of 6 rows, the second in panels of 16 columns, a part of the depth at a time, so that a panel stays
// in the first-level cache and a block of groups in the second (as in BLIS, Van Zee and van de Geijn 2015).
#include "float_few_rows.h"
#include "float_product.h"

#include <stdatomic.h>

#include "float_packed_tiles.h"

// Depth of a part; panels that are laid out at once, at most; groups of rows that stay in the second-level cache; slots of memory, and so
// threads at most; columns of a narrow panel, and groups that meet it at once; shares of the panels that are left, one of which is the next
// task; groups from which on threads keep to a half of the rows.
enum { DEPTH = 320, PANELS = 4, BLOCK_GROUPS = 48, SLOTS = 16, NARROW = 8, NARROW_GROUPS = 2, LEFT = 8, HALVED = 110 };

typedef struct {
  const Product *p;  // all of one a
  ptrdiff_t count, groups, panels, cuts, depth;
  ptrdiff_t first[MAX_PRODUCTS + 1];  // panels of the products before each
  float *a;                           // [cuts, groups, depth, 6]
  float *h[MAX_PRODUCTS];             // [groups, rank, 6]
  float *down[MAX_PRODUCTS];          // [narrow panels, k, 8]
  float *slots;
  ptrdiff_t slot;
  _Atomic(const char *) thread;  // one that laid rows out
  atomic_int several;            // whether another one did, too
  ptrdiff_t halves;              // of the rows: 1 or 2
  atomic_ptrdiff_t next[2];      // of each, the first panel that no thread has begun
} Job;

// c [6 groups, 8] += a b of packed groups, a_step apart, and a panel of 8 columns: 6 sums alone wait for each other.
INLINE void narrow_tile(const int groups, const float *a, ptrdiff_t a_step, const float *b, ptrdiff_t depth,
                        __m256 c[NARROW_GROUPS * TILE_ROWS]) {
  for (ptrdiff_t p = 0; p < depth; p++, a += TILE_ROWS, b += NARROW) {
    const __m256 y = _mm256_loadu_ps(b);
    UNROLL for (int g = 0; g < groups; g++) {
      UNROLL for (int i = 0; i < TILE_ROWS; i++) {
        c[g * TILE_ROWS + i] = _mm256_fmadd_ps(_mm256_broadcast_ss(a + g * a_step + i), y, c[g * TILE_ROWS + i]);
      }
    }
  }
}

// Each thread has its own: the address tells them apart.
static _Thread_local char here;

static void note_thread(Job *j) {
  const char *noted = NULL;
  if (!atomic_compare_exchange_strong(&j->thread, &noted, &here) && noted != &here) atomic_store(&j->several, 1);
}

static ptrdiff_t narrow_panels(const Product *p) { return ceil_div(p->rank, NARROW); }

// Rows of h of some groups.
INLINE void narrow_rows(const int groups, const Job *j, ptrdiff_t product, ptrdiff_t first_group) {
  const Product *p = j->p + product;
  for (ptrdiff_t n = 0; n < narrow_panels(p); n++) {
    __m256 sums[NARROW_GROUPS * TILE_ROWS];
    float all[NARROW_GROUPS * TILE_ROWS][NARROW];
    const float *panel = j->down[product] + n * p->k * NARROW;
    UNROLL for (int i = 0; i < groups * TILE_ROWS; i++) sums[i] = _mm256_setzero_ps();
    for (ptrdiff_t c = 0; c < j->cuts; c++) {
      const ptrdiff_t from = c * j->depth, depth = least(j->depth, p->k - from), size = j->depth * TILE_ROWS;
      narrow_tile(groups, j->a + (c * j->groups + first_group) * size, size, panel + from * NARROW, depth, sums);
    }
    const __m256 factor = _mm256_set1_ps(p->down_alpha);
    UNROLL for (int i = 0; i < groups * TILE_ROWS; i++) _mm256_storeu_ps(all[i], _mm256_mul_ps(sums[i], factor));
    const ptrdiff_t first = n * NARROW, count = least(NARROW, p->rank - first);
    for (ptrdiff_t i = 0; i < groups * TILE_ROWS; i++) {
      const ptrdiff_t g = first_group + i / TILE_ROWS, row = first_group * TILE_ROWS + i;
      for (ptrdiff_t r = 0; r < count; r++) {
        j->h[product][(g * p->rank + first + r) * TILE_ROWS + i % TILE_ROWS] = all[i][r];
        if (row < p->m) p->h[row * p->rank + first + r] = all[i][r];
      }
    }
  }
}

// Lays some groups of rows of a out, and makes their rows of h.
static void pack_rows(void *data, size_t index) {
  Job *j = data;
  note_thread(j);
  const Product *p = j->p;
  const ptrdiff_t low = (ptrdiff_t)index * NARROW_GROUPS, high = least(j->groups, low + NARROW_GROUPS);
  for (ptrdiff_t g = low; g < high; g++) {
    const ptrdiff_t row = g * TILE_ROWS, rows = least(TILE_ROWS, p->m - row);
    for (ptrdiff_t c = 0; c < j->cuts; c++) {
      const ptrdiff_t from = c * j->depth, depth = least(j->depth, p->k - from);
      pack_group(p->a + row * p->k + from, p->k, rows, depth, j->a + (c * j->groups + g) * j->depth * TILE_ROWS);
    }
  }
  for (ptrdiff_t i = 0; i < j->count; i++) {
    if (high - low == NARROW_GROUPS) narrow_rows(NARROW_GROUPS, j, i, low);
    else narrow_rows(1, j, i, low);
  }
}

// Panels of 8 columns of down.
static void pack_down(const Product *p, float *panels) {
  for (ptrdiff_t n = 0; n < narrow_panels(p); n++) {
    const ptrdiff_t first = n * NARROW, count = least(NARROW, p->rank - first);
    float *to = panels + n * p->k * NARROW;
    ptrdiff_t q = 0;
    if (p->transposed && count == NARROW) {
      for (; q + 8 <= p->k; q += 8) transpose8(FORM_FLOAT, p->down, first * p->k + q, p->k, to + q * NARROW, NARROW);
    }
    for (; q < p->k; q++) {
      for (ptrdiff_t r = 0; r < NARROW; r++) {
        to[q * NARROW + r] = r >= count ? 0 : p->transposed ? p->down[(first + r) * p->k + q] : p->down[q * p->rank + first + r];
      }
    }
  }
}

// The first group of a half of the rows; of half 2 the end.
static ptrdiff_t first_group(const Job *j, ptrdiff_t half) { return ceil_div(half * j->groups, j->halves); }

// The product that a panel is of.
static ptrdiff_t product_of(const Job *j, ptrdiff_t panel) {
  ptrdiff_t i = 0;
  while (panel >= j->first[i + 1]) i++;
  return i;
}

// The end of the task that begins with a panel, in one product: the last ones are single panels, so that all threads end together.
static ptrdiff_t task_end(const Job *j, ptrdiff_t first) {
  return least(j->first[product_of(j, first) + 1], first + least(PANELS, ceil_div(j->panels - first, LEFT)));
}

// Of b: what a task's panels are made of, for a part of the depth.
static Ahead panels_ahead(const Job *j, ptrdiff_t first, ptrdiff_t end, ptrdiff_t c) {
  const ptrdiff_t product = product_of(j, first);
  const Product *p = j->p + product;
  first -= j->first[product], end -= j->first[product];
  const ptrdiff_t from = c * j->depth, depth = least(j->depth, p->k - from), column = first * TILE_COLUMNS;
  const ptrdiff_t columns = least(end * TILE_COLUMNS, p->n) - column;
  if (p->transposed) return ahead_of(p->b, p->k, column, from, columns, depth);
  return ahead_of(p->b, p->n, from, column, depth, columns);
}

// What this thread probably lays out next: the next part of its panels, or the next task that nobody has begun.
static Ahead next_ahead(Job *j, ptrdiff_t half, ptrdiff_t first, ptrdiff_t end, ptrdiff_t c) {
  if (c + 1 < j->cuts) return panels_ahead(j, first, end, c + 1);
  const ptrdiff_t next = atomic_load(&j->next[half]);
  return next < j->panels ? panels_ahead(j, next, task_end(j, next), 0) : (Ahead){0};
}

// A task's panels, for a part of the depth.
typedef struct {
  const Job *j;
  ptrdiff_t product, first, cut, depth;
  const float *panels, *ups;
} Part;

static PackedTiles factors(const Part *t, ptrdiff_t g, ptrdiff_t n) {
  const Job *j = t->j;
  const ptrdiff_t rank = j->p[t->product].rank, rows = j->depth * TILE_ROWS, columns = j->depth * TILE_COLUMNS;
  const Packed first = {
      .a = j->a + (t->cut * j->groups + g) * rows,
      .b = t->panels + (n - t->first) * columns,
      .depth = t->depth,
      .h = j->h[t->product] + g * rank * TILE_ROWS,
      .up = t->ups + (n - t->first) * rank * TILE_COLUMNS,
      .rank = t->cut == j->cuts - 1 ? rank : 0,
  };
  return (PackedTiles){first, rows, columns, rank * TILE_ROWS, rank * TILE_COLUMNS};
}

// Tiles of a group and panels n to end, of whose rows or columns some lie behind the last one.
static void edge_tiles(const Part *t, ptrdiff_t g, ptrdiff_t n, ptrdiff_t end, const float *before, Ahead *next, ptrdiff_t lines) {
  const Product *p = t->j->p + t->product;
  const ptrdiff_t row = g * TILE_ROWS, column = n * TILE_COLUMNS, at = row * p->n + column;
  const ptrdiff_t rows = least(TILE_ROWS, p->m - row), columns = least(end * TILE_COLUMNS, p->n) - column;
  const PackedTiles tiles = factors(t, g, n);
  float c[TILE_ROWS][PANELS * TILE_COLUMNS];
  packed_tiles(&tiles, 1, end - n, NULL, 0, c[0], PANELS * TILE_COLUMNS, next, lines);
  for (ptrdiff_t i = 0; i < rows; i++) {
    const float *from = before ? before + at + i * p->n : NULL;
    float *to = p->y + at + i * p->n;
    for (ptrdiff_t x = 0; x < columns; x++) to[x] = c[i][x] + (from ? from[x] : 0);
  }
}

// Tiles of groups low to high and panels n to end: whole ones together, those at the edges into memory of their own first.
static void some_tiles(const Part *t, ptrdiff_t low, ptrdiff_t high, ptrdiff_t n, ptrdiff_t end, Ahead *next, ptrdiff_t lines) {
  const Product *p = t->j->p + t->product;
  const float *before = t->cut ? p->y : p->base;
  const ptrdiff_t whole_high = least(high, p->m / TILE_ROWS), whole_end = least(end, p->n / TILE_COLUMNS);
  const ptrdiff_t at = low * TILE_ROWS * p->n + n * TILE_COLUMNS;
  const PackedTiles whole = factors(t, low, n);
  packed_tiles(&whole, whole_high - low, whole_end - n, before ? before + at : NULL, p->n, p->y + at, p->n, next, lines);
  for (ptrdiff_t g = low; g < whole_high && whole_end < end; g++) edge_tiles(t, g, whole_end, end, before, next, lines);
  for (ptrdiff_t g = whole_high; g < high; g++) edge_tiles(t, g, n, end, before, next, lines);
}

// A task's panels of columns, for a half of the rows.
static void some_panels(Job *j, ptrdiff_t half, ptrdiff_t task, ptrdiff_t task_end, float *panels) {
  const ptrdiff_t product = product_of(j, task), first = task - j->first[product], end = task_end - j->first[product];
  const Product *p = j->p + product;
  const ptrdiff_t size = j->depth * TILE_COLUMNS, low = first_group(j, half), high = first_group(j, half + 1);
  float *ups = panels + PANELS * size;
  for (ptrdiff_t n = first; p->rank > 0 && n < end; n++) {
    pack_panel(floats_of(p->up), p->n, p->rank, p->transposed, 0, p->rank, n * TILE_COLUMNS, p->up_alpha, ups + (n - first) * p->rank * TILE_COLUMNS);
  }
  for (ptrdiff_t c = 0; c < j->cuts; c++) {
    const ptrdiff_t from = c * j->depth;
    const Part t = {j, product, first, c, least(j->depth, p->k - from), panels, ups};
    for (ptrdiff_t n = first; n < end; n++) {
      pack_panel(p->b, p->n, p->k, p->transposed, from, t.depth, n * TILE_COLUMNS, p->alpha, panels + (n - first) * size);
    }
    Ahead next = next_ahead(j, half, task, task_end, c);
    const ptrdiff_t lines = ceil_div(next.left, (high - low) * (end - first));
    for (ptrdiff_t block = low; block < high; block += BLOCK_GROUPS) {
      some_tiles(&t, block, least(high, block + BLOCK_GROUPS), first, end, &next, lines);
    }
  }
}

static ptrdiff_t slots_of(const Job *j) { return least(j->panels, SLOTS); }

// All panels of a half of the rows that others don't take.
static void half_work(Job *j, ptrdiff_t half, float *panels) {
  ptrdiff_t first = atomic_load(&j->next[half]);
  while (first < j->panels) {
    const ptrdiff_t end = task_end(j, first);
    // Another thread may have begun it: then first is what is next now.
    if (!atomic_compare_exchange_weak(&j->next[half], &first, end)) continue;
    some_panels(j, half, first, end, panels);
    first = atomic_load(&j->next[half]);
  }
}

// Slots that are next to each other are one thread's, as groups are in pack_rows: a thread begins with the rows that it laid out itself.
static void slot_work(void *data, size_t index) {
  Job *j = data;
  const ptrdiff_t own = (ptrdiff_t)index * j->halves / slots_of(j);
  for (ptrdiff_t i = 0; i < j->halves; i++) half_work(j, (own + i) % j->halves, j->slots + (ptrdiff_t)index * j->slot);
}

static Job job_of(const Product *p, ptrdiff_t count) {
  Job j = {.p = p, .count = count, .groups = ceil_div(p->m, TILE_ROWS)};
  ptrdiff_t rank = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    j.first[i + 1] = j.panels += ceil_div(p[i].n, TILE_COLUMNS);
    if (p[i].rank > rank) rank = p[i].rank;
  }
  // At least one, so that the base is written where there is no depth.
  j.cuts = p->k ? ceil_div(p->k, DEPTH) : 1;
  j.depth = ceil_div(ceil_div(p->k, j.cuts), 4) * 4;
  j.slot = PANELS * (j.depth + rank) * TILE_COLUMNS;
  return j;
}

// Where each part of the scratch memory begins, the last one's end.
static size_t place(Job *j, float *scratch) {
  const Product *p = j->p;
  // What is read ahead of a's end is memory, too.
  float *at = scratch + SLOTS * j->slot;
  j->slots = scratch, j->a = at;
  at += ceil_div(j->cuts * j->groups * j->depth * TILE_ROWS, 16) * 16;
  for (ptrdiff_t i = 0; i < j->count; i++) j->h[i] = at, at += j->groups * p[i].rank * TILE_ROWS;
  for (ptrdiff_t i = 0; i < j->count; i++) j->down[i] = at, at += narrow_panels(p + i) * p[i].k * NARROW;
  return (size_t)(at - scratch) + 256;
}

size_t products_scratch(const Product *p, ptrdiff_t count) {
  Job j = job_of(p, count);
  float *const nowhere = (float *)64;
  return place(&j, nowhere);
}

static void few(const Product *p, Threads threads) {
  if (p->rank) few_rows((FewRows){p->m, p->rank, p->k, p->a, NULL, floats_of(p->down), p->transposed, p->down_alpha, p->h}, threads);
  few_rows((FewRows){p->m, p->n, p->k, p->a, p->base, p->b, p->transposed, p->alpha, p->y}, threads);
  if (p->rank) few_rows((FewRows){p->m, p->n, p->rank, p->h, p->y, floats_of(p->up), p->transposed, p->up_alpha, p->y}, threads);
}

void products(const Product *p, ptrdiff_t count, float *scratch, Threads threads) {
  if (p->m <= FEW) {
    for (ptrdiff_t i = 0; i < count; i++) few(p + i, threads);
    return;
  }
  Job j = job_of(p, count);
  place(&j, scratch);
  for (ptrdiff_t i = 0; i < count; i++) pack_down(p + i, j.down[i]);
  threads.run(threads.place, pack_rows, &j, (size_t)ceil_div(j.groups, NARROW_GROUPS));
  // What one core has written is dear to read for another, where they don't share a cache, and costs more than panels laid out twice.
  j.halves = atomic_load(&j.several) && j.groups >= HALVED ? 2 : 1;
  threads.run(threads.place, slot_work, &j, (size_t)slots_of(&j));
}
