// Tiles for AVX-512: sums of 12 rows by two vectors of 16 columns, or of 24 rows by one, fill 24 of the 32 registers.
#include "float_packed_tiles.h"

enum { AT_ONCE = 4, MOST_GROUPS = 4, MOST_PANELS = 2, MOST_ROWS = MOST_GROUPS * TILE_ROWS };

// What a tile needs at its end or later, asked of memory a little at a time beside its sums: all at once it would fill the few lines that may
// be under way, which a and b come by, too.
typedef struct {
  const float *to, *from;  // rows of the result, and of what is added where that lies elsewhere, or NULL
  ptrdiff_t ld, ld_from, rows;
  Ahead *next;
  ptrdiff_t lines;
} Soon;

INLINE void ask_some(const int panels, Soon *s) {
  if (s->rows > 0) {
    UNROLL for (int n = 0; n < panels; n++) __builtin_prefetch(s->to + n * TILE_COLUMNS, 1);
    __builtin_prefetch(s->to + panels * TILE_COLUMNS - 1, 1);
    s->to += s->ld;
    if (s->from) {
      UNROLL for (int n = 0; n < panels; n++) __builtin_prefetch(s->from + n * TILE_COLUMNS);
      __builtin_prefetch(s->from + panels * TILE_COLUMNS - 1);
      s->from += s->ld_from;
    }
    s->rows--;
  }
  if (s->lines > 0) ask(s->next, 1), s->lines--;
}

INLINE void multiply_wide(const int steps, const int groups, const int panels, const float *a, ptrdiff_t a_step, const float *b,
                          ptrdiff_t b_step, __m512 c[MOST_ROWS][MOST_PANELS]) {
  UNROLL for (int u = 0; u < steps; u++) {
    __m512 x[MOST_PANELS];
    UNROLL for (int n = 0; n < panels; n++) x[n] = _mm512_loadu_ps(b + n * b_step + u * TILE_COLUMNS);
    UNROLL for (int g = 0; g < groups; g++) {
      UNROLL for (int i = 0; i < TILE_ROWS; i++) {
        const __m512 y = _mm512_set1_ps(a[g * a_step + u * TILE_ROWS + i]);
        UNROLL for (int n = 0; n < panels; n++) c[g * TILE_ROWS + i][n] = _mm512_fmadd_ps(y, x[n], c[g * TILE_ROWS + i][n]);
      }
    }
  }
}

INLINE void multiply_depth(const int groups, const int panels, const float *a, ptrdiff_t a_step, const float *b, ptrdiff_t b_step,
                           ptrdiff_t depth, __m512 c[MOST_ROWS][MOST_PANELS], Soon *s) {
  for (; depth >= AT_ONCE; depth -= AT_ONCE, a += AT_ONCE * TILE_ROWS, b += AT_ONCE * TILE_COLUMNS) {
    UNROLL for (int g = 0; g < groups; g++) {
      // Rows of a come from the second-level cache: 512 bytes ahead of their use.
      _mm_prefetch((const char *)(a + g * a_step + 128), _MM_HINT_T0);
      _mm_prefetch((const char *)(a + g * a_step + 144), _MM_HINT_T0);
    }
    ask_some(panels, s);
    multiply_wide(AT_ONCE, groups, panels, a, a_step, b, b_step, c);
  }
  for (; depth > 0; depth--, a += TILE_ROWS, b += TILE_COLUMNS) multiply_wide(1, groups, panels, a, a_step, b, b_step, c);
}

INLINE void tile_of(const int groups, const int panels, const PackedTiles *t, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                    Ahead *next, ptrdiff_t lines) {
  const Packed *f = &t->first;
  __m512 c[MOST_ROWS][MOST_PANELS];
  Soon s = {to, from == to ? NULL : from, ld, ld_from, groups * TILE_ROWS, next, lines};
  UNROLL for (int i = 0; i < groups * TILE_ROWS; i++) {
    UNROLL for (int n = 0; n < panels; n++) c[i][n] = _mm512_setzero_ps();
  }
  multiply_depth(groups, panels, f->a, t->a_step, f->b, t->b_step, f->depth, c, &s);
  multiply_depth(groups, panels, f->h, t->h_step, f->up, t->up_step, f->rank, c, &s);
  UNROLL for (int i = 0; i < groups * TILE_ROWS; i++) {
    UNROLL for (int n = 0; n < panels; n++) {
      const ptrdiff_t column = n * TILE_COLUMNS;
      if (from) c[i][n] = _mm512_add_ps(c[i][n], _mm512_loadu_ps(from + i * ld_from + column));
      _mm512_storeu_ps(to + i * ld + column, c[i][n]);
    }
  }
  ask(next, s.lines);
}

typedef void WideTile(const PackedTiles *t, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld, Ahead *next, ptrdiff_t lines);

#define WIDE(groups, panels)                                                                                                          \
  static __attribute__((noinline)) void wide##groups##x##panels(const PackedTiles *t, const float *from, ptrdiff_t ld_from, float *to, \
                                                                ptrdiff_t ld, Ahead *next, ptrdiff_t lines) {                         \
    tile_of(groups, panels, t, from, ld_from, to, ld, next, lines);                                                                   \
  }
WIDE(1, 1)
WIDE(2, 1)
WIDE(3, 1)
WIDE(4, 1)
WIDE(1, 2)
WIDE(2, 2)

void wide_tiles(const PackedTiles *t, ptrdiff_t groups, ptrdiff_t panels, const float *from, ptrdiff_t ld_from, float *to, ptrdiff_t ld,
                Ahead *next, ptrdiff_t lines) {
  static WideTile *const of_one[] = {wide1x1, wide2x1, wide3x1, wide4x1}, *const of_two[] = {wide1x2, wide2x2};
  for (ptrdiff_t n = 0, across; n < panels; n += across) {
    across = least(MOST_PANELS, panels - n);
    for (ptrdiff_t g = 0, down; g < groups; g += down) {
      down = least(MOST_GROUPS / across, groups - g);
      const PackedTiles at = packed_at(t, g, n);
      const ptrdiff_t row = g * TILE_ROWS, column = n * TILE_COLUMNS;
      (across > 1 ? of_two : of_one)[down - 1](&at, from ? from + row * ld_from + column : NULL, ld_from, to + row * ld + column, ld, next,
                                               lines * across * down);
    }
  }
}
