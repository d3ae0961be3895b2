#include "attention_wide.h"

#include <math.h>

// Vectors of 16 columns or tiles beside each other, and sums, at most: 24 of the 32 registers.
enum { VECTORS = WIDE_TILES, SUMS = 16 };

// Tiles that a group sees: their panels, and its weights of them.
typedef struct {
  ptrdiff_t count;
  const float *panels[WIDE_TILES];
  float *weights[WIDE_TILES];
} Seen;

static Seen seen_of(const AttentionJob *j, const View *w, ptrdiff_t group, ptrdiff_t from, ptrdiff_t end, const float *panels) {
  Seen s = {0};
  for (ptrdiff_t n = from; n < end; n++) {
    if (w->sight[n * GROUPS + group] == NONE) continue;
    s.panels[s.count] = panels + w->tile[n] * KEYS * j->d;
    s.weights[s.count++] = w->weights + group * w->step + n * TILE;
  }
  return s;
}

// Rows [6, d] times panels [d, 16]; minus: times what stands there, less minus [6].
INLINE void products_of(const int tiles, const float *rows, ptrdiff_t ld, const Seen *s, ptrdiff_t d, const float *minus) {
  __m512 c[TILE_ROWS][WIDE_TILES];
  const float *b[WIDE_TILES], *rows3 = rows + 3 * ld;
  UNROLL for (int n = 0; n < tiles; n++) b[n] = s->panels[n];
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    UNROLL for (int n = 0; n < tiles; n++) c[i][n] = _mm512_setzero_ps();
  }
  for (ptrdiff_t p = 0; p < d; p += 4, rows += 4, rows3 += 4) {
    UNROLL for (int u = 0; u < 4; u++) {
      __m512 x[WIDE_TILES];
      UNROLL for (int n = 0; n < tiles; n++) x[n] = _mm512_loadu_ps(b[n] + (p + u) * KEYS);
      UNROLL for (int i = 0; i < TILE_ROWS; i++) {
        const __m512 y = _mm512_set1_ps(i < 3 ? rows[i * ld + u] : rows3[(i - 3) * ld + u]);
        UNROLL for (int n = 0; n < tiles; n++) c[i][n] = _mm512_fmadd_ps(y, x[n], c[i][n]);
      }
    }
  }
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    UNROLL for (int n = 0; n < tiles; n++) {
      float *at = s->weights[n] + i * KEYS;
      if (minus) c[i][n] = _mm512_mul_ps(_mm512_loadu_ps(at), _mm512_sub_ps(c[i][n], _mm512_set1_ps(minus[i])));
      _mm512_storeu_ps(at, c[i][n]);
    }
  }
}

#define PRODUCTS(name, tiles, minus_)                                                                                      \
  OWN void name##tiles(const float *rows, ptrdiff_t ld, const Seen *s, ptrdiff_t d, const float *minus) {                 \
    (void)minus;                                                                                                           \
    products_of(tiles, rows, ld, s, d, minus_);                                                                           \
  }
PRODUCTS(scores, 1, NULL)
PRODUCTS(scores, 2, NULL)
PRODUCTS(scores, 3, NULL)
PRODUCTS(scores, 4, NULL)
PRODUCTS(slopes, 1, minus)
PRODUCTS(slopes, 2, minus)
PRODUCTS(slopes, 3, minus)
PRODUCTS(slopes, 4, minus)

typedef void Products(const float *rows, ptrdiff_t ld, const Seen *s, ptrdiff_t d, const float *minus);

void wide_scores(const AttentionJob *j, const View *w) {
  static Products *const of[] = {scores1, scores2, scores3, scores4};
  const float *panels = j->k_panels + w->kv * j->tiles * KEYS * j->d;
  for (ptrdiff_t n = 0; n < w->tiles; n += WIDE_TILES) {
    for (ptrdiff_t g = 0; g < w->groups; g++) {
      const Seen s = seen_of(j, w, g, n, least(w->tiles, n + WIDE_TILES), panels);
      if (s.count) of[s.count - 1](w->q + g * TILE_ROWS * j->ld, j->ld, &s, j->d, NULL);
    }
  }
}

void wide_slopes(const AttentionJob *j, const View *w, ptrdiff_t from, ptrdiff_t end, const float *panels) {
  static Products *const of[] = {slopes1, slopes2, slopes3, slopes4};
  for (ptrdiff_t g = 0; g < w->groups; g++) {
    const Seen s = seen_of(j, w, g, from, end, panels);
    if (s.count) of[s.count - 1](w->dy + g * TILE_ROWS * j->ld, j->ld, &s, j->d, w->delta + g * TILE_ROWS);
  }
}

// power() of attention_tile.h.
INLINE __m512 power_wide(__m512 x, __m512 bias, __m512 low) {
  const __m512 base = _mm512_set1_ps(1.44269504f);
  x = _mm512_max_ps(low, x);
  const __m512 sum = _mm512_fmadd_ps(x, base, bias), rest = _mm512_fmsub_ps(x, base, _mm512_sub_ps(sum, bias));
  __m512 p = _mm512_set1_ps(0.00015353362f);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.0013398875f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.009618437f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.055503324f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.24022648f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.6931472f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1));
  const __m512i bits = _mm512_max_epi32(_mm512_castps_si512(sum), _mm512_set1_epi32(0x4b400000));
  return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 23)));
}

// Both halves of a vector.
INLINE __m256 low_half(__m512 x) { return _mm512_castps512_ps256(x); }
INLINE __m256 high_half(__m512 x) { return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)); }

void wide_weigh(const View *w, ptrdiff_t group) {
  float *weights = w->weights + group * w->step;
  const unsigned char *sight = w->sight + group;
  const ptrdiff_t tiles = w->of_group[group];
  __m512 most[TILE_ROWS], sums[TILE_ROWS], bias[TILE_ROWS], low[TILE_ROWS];
  UNROLL for (int i = 0; i < TILE_ROWS; i++) most[i] = _mm512_set1_ps(-INFINITY), sums[i] = _mm512_setzero_ps();
  for (ptrdiff_t n = 0; n < tiles; n++) {
    if (sight[n * GROUPS] == NONE) continue;
    // A NaN is found by the exponentials.
    UNROLL for (int i = 0; i < TILE_ROWS; i++) most[i] = _mm512_max_ps(_mm512_loadu_ps(weights + n * TILE + i * KEYS), most[i]);
  }
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    const Power to = power_of(largest_of_8(_mm256_max_ps(low_half(most[i]), high_half(most[i]))));
    bias[i] = _mm512_set1_ps(_mm256_cvtss_f32(to.bias)), low[i] = _mm512_set1_ps(_mm256_cvtss_f32(to.low));
  }
  for (ptrdiff_t n = 0; n < tiles; n++) {
    if (sight[n * GROUPS] == NONE) continue;
    UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      float *at = weights + n * TILE + i * KEYS;
      const __m512 x = power_wide(_mm512_loadu_ps(at), bias[i], low[i]);
      _mm512_storeu_ps(at, x);
      sums[i] = _mm512_add_ps(sums[i], x);
    }
  }
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    w->factor[group * TILE_ROWS + i] = 1 / sum_of_8(_mm256_add_ps(low_half(sums[i]), high_half(sums[i])));
  }
}

// Columns that are left, as vectors: 4, 2 or 1 of 16.
static ptrdiff_t vectors_of(ptrdiff_t columns) { return columns >= 64 ? 4 : columns >= 32 ? 2 : 1; }

// Of 16 times `vectors` columns from c on.
INLINE void gather_of(const int vectors, const AttentionJob *j, const View *w, ptrdiff_t group, const float *rows, ptrdiff_t column) {
  const float *weights = w->weights + group * w->step;
  const unsigned char *sight = w->sight + group;
  const ptrdiff_t apart = j->tiles * KEYS * KEYS, end = w->of_group[group];
  __m512 c[TILE_ROWS][VECTORS], all[TILE_ROWS][VECTORS];
  rows += (w->kv * j->d + column) * j->tiles * KEYS;
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    UNROLL for (int v = 0; v < vectors; v++) all[i][v] = _mm512_setzero_ps();
  }
  for (ptrdiff_t from = 0; from < end; from += TILES_A_SUM) {
    UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      UNROLL for (int v = 0; v < vectors; v++) c[i][v] = _mm512_setzero_ps();
    }
    for (ptrdiff_t n = from; n < least(end, from + TILES_A_SUM); n++) {
      if (sight[n * GROUPS] == NONE) continue;
      const float *a = weights + n * TILE, *b = rows + w->tile[n] * KEYS * KEYS;
      _Pragma("clang loop unroll_count(2)") for (int p = 0; p < KEYS; p++, a++, b += KEYS) {
        __m512 x[VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) x[v] = _mm512_loadu_ps(b + v * apart);
        UNROLL for (int i = 0; i < TILE_ROWS; i++) {
          const __m512 y = _mm512_set1_ps(a[i * KEYS]);
          UNROLL for (int v = 0; v < vectors; v++) c[i][v] = _mm512_fmadd_ps(y, x[v], c[i][v]);
        }
      }
    }
    UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      UNROLL for (int v = 0; v < vectors; v++) all[i][v] = from ? _mm512_add_ps(c[i][v], all[i][v]) : c[i][v];
    }
  }
  for (ptrdiff_t i = 0; i < least(TILE_ROWS, w->count - group * TILE_ROWS); i++) {
    const ptrdiff_t row = group * TILE_ROWS + i;
    const __m512 by = _mm512_set1_ps(w->factor[row]);
    UNROLL for (int v = 0; v < vectors; v++) {
      const ptrdiff_t at = column + v * KEYS, columns = least(KEYS, j->s->d - at);
      if (columns > 0) _mm512_mask_storeu_ps(j->out + w->place[row] + at, (__mmask16)((1u << columns) - 1), _mm512_mul_ps(all[i][v], by));
    }
  }
}

#define GATHER(vectors)                                                                                                     \
  OWN void gather##vectors(const AttentionJob *j, const View *w, ptrdiff_t group, const float *rows, ptrdiff_t column) {   \
    gather_of(vectors, j, w, group, rows, column);                                                                         \
  }
GATHER(1)
GATHER(2)
GATHER(4)

void wide_gather(const AttentionJob *j, const View *w, ptrdiff_t group, const float *rows) {
  for (ptrdiff_t c = 0, vectors; c < j->d; c += vectors * KEYS) {
    vectors = vectors_of(j->d - c);
    (vectors == 4 ? gather4 : vectors == 2 ? gather2 : gather1)(j, w, group, rows, c);
  }
}

// turned() of attention_tile.h, of 16 times `vectors` columns.
INLINE void turned_of(const int keys, const int vectors, const float *weights, ptrdiff_t step, const float *values, ptrdiff_t ld,
                      const unsigned char *groups, ptrdiff_t count, float *to, ptrdiff_t ld_to, int add) {
  __m512 c[SUMS][VECTORS];
  UNROLL for (int i = 0; i < keys; i++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      c[i][v] = _mm512_setzero_ps();
      _mm_prefetch((const char *)(to + i * ld_to + v * KEYS), _MM_HINT_T0);
    }
  }
  for (ptrdiff_t n = 0; n < count; n++) {
    const float *a = weights + groups[n] * step, *b = values + groups[n] * (TILE_ROWS * ld);
    _Pragma("clang loop unroll(disable)") for (int p = 0; p < TILE_ROWS; p++, a += KEYS, b += ld) {
      __m512 x[VECTORS];
      UNROLL for (int v = 0; v < vectors; v++) x[v] = _mm512_loadu_ps(b + v * KEYS);
      UNROLL for (int i = 0; i < keys; i++) {
        const __m512 y = _mm512_set1_ps(a[i]);
        UNROLL for (int v = 0; v < vectors; v++) c[i][v] = _mm512_fmadd_ps(y, x[v], c[i][v]);
      }
    }
  }
  UNROLL for (int i = 0; i < keys; i++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      float *at = to + i * ld_to + v * KEYS;
      _mm512_storeu_ps(at, add ? _mm512_add_ps(c[i][v], _mm512_loadu_ps(at)) : c[i][v]);
    }
  }
}

#define TURNED_WIDE(keys, vectors)                                                                                                  \
  OWN void turned##keys##x##vectors(const float *weights, ptrdiff_t step, const float *values, ptrdiff_t ld,                        \
                                    const unsigned char *groups, ptrdiff_t count, float *to, ptrdiff_t ld_to, int add) {            \
    turned_of(keys, vectors, weights, step, values, ld, groups, count, to, ld_to, add);                                             \
  }
TURNED_WIDE(6, 4)
TURNED_WIDE(4, 4)
TURNED_WIDE(8, 2)
TURNED_WIDE(16, 1)

void wide_turn(const AttentionJob *j, const View *w, ptrdiff_t n, const float *rows, const unsigned char *groups, ptrdiff_t count, float *to,
               int add) {
  const float *tile = w->weights + n * TILE;
  for (ptrdiff_t c = 0, vectors; c < j->d; c += vectors * KEYS) {
    vectors = vectors_of(j->d - c);
    if (vectors == 4) {
      turned6x4(tile, w->step, rows + c, j->ld, groups, count, to + c, j->d, add);
      turned6x4(tile + 6, w->step, rows + c, j->ld, groups, count, to + 6 * j->d + c, j->d, add);
      turned4x4(tile + 12, w->step, rows + c, j->ld, groups, count, to + 12 * j->d + c, j->d, add);
    } else if (vectors == 2) {
      turned8x2(tile, w->step, rows + c, j->ld, groups, count, to + c, j->d, add);
      turned8x2(tile + 8, w->step, rows + c, j->ld, groups, count, to + 8 * j->d + c, j->d, add);
    } else {
      turned16x1(tile, w->step, rows + c, j->ld, groups, count, to + c, j->d, add);
    }
  }
}
