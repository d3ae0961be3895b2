#include <math.h>

#include "attention_wide.h"
#include "soft_cap.h"

// Of a tile of keys from `key` on, seen by queries first … last, whose places are least … largest.
static enum Sight sight(const AttentionShape *s, Extremes keys, ptrdiff_t key, ptrdiff_t first, ptrdiff_t last, int32_t low, int32_t high) {
  if (key > last || keys.largest_until <= first) return NONE;
  if (s->window && (int64_t)low - keys.largest_place >= s->window) return NONE;
  if (key + KEYS - 1 > first || keys.least_until <= last) return SOME;
  if (s->window && (int64_t)high - keys.least_place >= s->window) return SOME;
  return ALL;
}

// Query of a block's row, among all rows.
static ptrdiff_t query_of(const AttentionJob *j, const View *w, ptrdiff_t i) {
  return j->s->rows - j->s->queries + (w->row + i) / j->sharing;
}

static void look(const AttentionJob *j, View *w) {
  const AttentionShape *s = j->s;
  ptrdiff_t first[GROUPS], last[GROUPS];
  Extremes places[GROUPS], all = {0, 0, INT32_MAX, INT32_MIN};
  for (ptrdiff_t g = 0; g < w->groups; g++) {
    first[g] = query_of(j, w, g * TILE_ROWS), last[g] = query_of(j, w, least(w->count, (g + 1) * TILE_ROWS) - 1);
    places[g] = attention_extremes(s, first[g], last[g] + 1);
    if (places[g].least_place < all.least_place) all.least_place = places[g].least_place;
    if (places[g].largest_place > all.largest_place) all.largest_place = places[g].largest_place;
    w->of_group[g] = 0;
  }
  const ptrdiff_t end = last[w->groups - 1];
  for (ptrdiff_t t = 0; t * KEYS <= end; t++) {
    const Extremes keys = j->extremes[t];
    // Mostly all groups see the same.
    const enum Sight whole = sight(s, keys, t * KEYS, first[0], end, all.least_place, all.largest_place);
    if (whole == NONE) continue;
    int any = 0;
    for (ptrdiff_t g = 0; g < w->groups; g++) {
      enum Sight seen = ALL;
      if (whole == SOME) seen = sight(s, keys, t * KEYS, first[g], last[g], places[g].least_place, places[g].largest_place);
      w->sight[w->tiles * GROUPS + g] = seen;
      if (seen != NONE) any = 1, w->of_group[g] = w->tiles + 1;
    }
    if (any) w->tile[w->tiles++] = (int32_t)t;
  }
  // An odd number of tiles apart: groups don't share sets of the cache.
  w->step = (w->tiles | 1) * TILE;
}

// Which of 8 keys a query sees: all bits of those.
static __m256i seen_of_8(const AttentionShape *s, ptrdiff_t key, ptrdiff_t query) {
  if (key + 8 <= s->rows) {
    const __m256i until = _mm256_loadu_si256((const __m256i *)(s->until + key));
    const __m256i keys = _mm256_add_epi32(_mm256_set1_epi32((int)key), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m256i at = _mm256_set1_epi32((int)query);
    const __m256i seen = _mm256_andnot_si256(_mm256_cmpgt_epi32(keys, at), _mm256_cmpgt_epi32(until, at));
    if (!s->window) return seen;
    const __m256i back = _mm256_sub_epi32(_mm256_set1_epi32(s->positions[query]),
                                          _mm256_loadu_si256((const __m256i *)(s->positions + key)));
    const int window = s->window > INT32_MAX ? INT32_MAX : (int)s->window;
    return _mm256_and_si256(seen, _mm256_cmpgt_epi32(_mm256_set1_epi32(window), back));
  }
  int32_t bits[8];
  for (int i = 0; i < 8; i++) {
    const ptrdiff_t n = key + i;
    bits[i] = n <= query && query < s->until[n] && (!s->window || (int64_t)s->positions[query] - s->positions[n] < s->window) ? -1 : 0;
  }
  return _mm256_loadu_si256((const __m256i *)bits);
}

// Hides what a group's queries don't see of a tile.
static void hide(const AttentionJob *j, const View *w, ptrdiff_t group, ptrdiff_t key, float *tile) {
  const __m256 hidden = _mm256_set1_ps(-INFINITY);
  ptrdiff_t before = -1;
  __m256i seen[2];
  for (ptrdiff_t i = 0; i < TILE_ROWS; i++) {
    const ptrdiff_t query = query_of(j, w, least(w->count - 1, group * TILE_ROWS + i));
    if (query != before) seen[0] = seen_of_8(j->s, key, query), seen[1] = seen_of_8(j->s, key + 8, query);
    before = query;
    for (int half = 0; half < 2; half++) {
      float *at = tile + i * KEYS + half * 8;
      _mm256_store_ps(at, _mm256_blendv_ps(hidden, _mm256_load_ps(at), _mm256_castsi256_ps(seen[half])));
    }
  }
}

// Scores of a group become weights; gives the factors that make their sums 1.
static void weigh(const View *w, ptrdiff_t group) {
  float *weights = w->weights + group * w->step;
  const unsigned char *sight = w->sight + group;
  const ptrdiff_t tiles = w->of_group[group];
  __m256 most[TILE_ROWS];
  UNROLL for (int i = 0; i < TILE_ROWS; i++) most[i] = _mm256_set1_ps(-INFINITY);
  for (ptrdiff_t n = 0; n < tiles; n++) {
    if (sight[n * GROUPS] == NONE) continue;
    UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      const float *at = weights + n * TILE + i * KEYS;
      // A NaN is found by the exponentials.
      most[i] = _mm256_max_ps(_mm256_max_ps(_mm256_load_ps(at), _mm256_load_ps(at + 8)), most[i]);
    }
  }
  for (int i = 0; i < TILE_ROWS; i++) {
    const Power to = power_of(largest_of_8(most[i]));
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    for (ptrdiff_t n = 0; n < tiles; n++) {
      if (sight[n * GROUPS] == NONE) continue;
      float *at = weights + n * TILE + i * KEYS;
      const __m256 a = power(_mm256_load_ps(at), to), b = power(_mm256_load_ps(at + 8), to);
      _mm256_store_ps(at, a), _mm256_store_ps(at + 8, b);
      s0 = _mm256_add_ps(s0, a), s1 = _mm256_add_ps(s1, b);
    }
    w->factor[group * TILE_ROWS + i] = 1 / sum_of_8(_mm256_add_ps(s0, s1));
  }
}

// Scores of all groups and the tiles that they see, nothing hidden yet.
static void scores(const AttentionJob *j, const View *w) {
  const float *panels = j->k_panels + w->kv * j->tiles * KEYS * j->d;
  for (ptrdiff_t n = 0; n < w->tiles; n++) {
    for (ptrdiff_t g = 0; g < w->groups; g++) {
      if (w->sight[n * GROUPS + g] == NONE) continue;
      scores_tile(w->q + g * TILE_ROWS * j->ld, j->ld, panels + w->tile[n] * KEYS * j->d, j->d, w->weights + g * w->step + n * TILE);
    }
  }
}

// Caps the scores of all groups, nothing hidden yet.
static void cap_scores(const AttentionShape *s, const View *w) {
  for (ptrdiff_t g = 0; g < w->groups; g++) {
    for (ptrdiff_t n = 0; n < w->of_group[g]; n++) {
      const ptrdiff_t at = g * w->step + n * TILE;
      if (w->sight[n * GROUPS + g] != NONE) soft_cap(w->weights + at, TILE, s->cap, w->slopes ? w->slopes + at : NULL);
    }
  }
}

View attention_view(const AttentionJob *j, ptrdiff_t kv, ptrdiff_t block, float *slot) {
  const AttentionShape *s = j->s;
  const ptrdiff_t rows = BLOCK * j->ld;
  View w = {.kv = kv, .row = block * BLOCK, .q = slot, .dy = slot + rows, .factor = slot + 2 * rows};
  w.count = least(BLOCK, s->queries * j->sharing - w.row), w.groups = ceil_div(w.count, TILE_ROWS);
  w.delta = w.factor + BLOCK, w.weights = w.delta + BLOCK;
  float *const behind = w.weights + GROUPS * (j->tiles | 1) * TILE;
  w.slopes = j->sloped ? behind : NULL;
  w.tile = (int32_t *)(j->sloped ? behind + GROUPS * (j->tiles | 1) * TILE : behind), w.sight = (unsigned char *)(w.tile + j->tiles);
  for (ptrdiff_t i = 0; i < w.count; i++) {
    const ptrdiff_t row = w.row + i, at = w.place[i] = (row / j->sharing * s->heads + kv * j->sharing + row % j->sharing) * s->d;
    attention_fetch(j->q + at, s->d), attention_fetch(j->out + at, s->d);
    if (j->dy) attention_fetch(j->dy + at, s->d), attention_fetch(j->o + at, s->d);
  }
  look(j, &w);
  for (ptrdiff_t i = 0; i < w.groups * TILE_ROWS; i++) {
    attention_take(i < w.count ? j->q + w.place[i] : j->q, i < w.count ? s->d : 0, w.q + i * j->ld, j->d, s->scale);
  }
  if (j->wide) wide_scores(j, &w);
  else scores(j, &w);
  if (s->cap) cap_scores(s, &w);
  for (ptrdiff_t g = 0; g < w.groups; g++) {
    for (ptrdiff_t n = 0; n < w.of_group[g]; n++) {
      if (w.sight[n * GROUPS + g] == SOME) hide(j, &w, g, w.tile[n] * KEYS, w.weights + g * w.step + n * TILE);
    }
    if (j->wide) wide_weigh(&w, g);
    else weigh(&w, g);
  }
  return w;
}

// all [6, 16] (+)= a group's weights for some of the block's tiles times rows [tiles, 16, 16].
OWN void gather_some(const View *w, ptrdiff_t group, ptrdiff_t from, ptrdiff_t end, const float *rows, float *all) {
  const float *weights = w->weights + group * w->step;
  const unsigned char *sight = w->sight + group;
  __m256 c[TILE_ROWS][2];
  UNROLL for (int i = 0; i < TILE_ROWS; i++) c[i][0] = c[i][1] = _mm256_setzero_ps();
  for (ptrdiff_t n = from; n < end; n++) {
    if (sight[n * GROUPS] != NONE) multiply(TILE_ROWS, FORM_FLOAT, c, weights + n * TILE, KEYS, 1, rows + w->tile[n] * KEYS * KEYS, KEYS, KEYS);
  }
  UNROLL for (int i = 0; i < TILE_ROWS; i++) {
    float *at = all + i * KEYS;
    if (from) c[i][0] = _mm256_add_ps(c[i][0], _mm256_load_ps(at)), c[i][1] = _mm256_add_ps(c[i][1], _mm256_load_ps(at + 8));
    _mm256_store_ps(at, c[i][0]), _mm256_store_ps(at + 8, c[i][1]);
  }
}

static void gather(const AttentionJob *j, const View *w, ptrdiff_t group, const float *rows, ptrdiff_t c) {
  _Alignas(32) float all[TILE];
  const ptrdiff_t end = w->of_group[group], columns = least(KEYS, j->s->d - c);
  if (!end) memset(all, 0, sizeof all);
  // A sum of sums is more exact than a long one.
  for (ptrdiff_t n = 0; n < end; n += TILES_A_SUM) gather_some(w, group, n, least(end, n + TILES_A_SUM), rows, all);
  for (ptrdiff_t i = 0; i < least(TILE_ROWS, w->count - group * TILE_ROWS); i++) {
    const ptrdiff_t row = group * TILE_ROWS + i;
    const __m256 by = _mm256_broadcast_ss(w->factor + row);
    float *to = j->out + w->place[row] + c;
    put(to, _mm256_mul_ps(_mm256_load_ps(all + i * KEYS), by), columns);
    if (columns > 8) put(to + 8, _mm256_mul_ps(_mm256_load_ps(all + i * KEYS + 8), by), columns - 8);
  }
}

void attention_gather(const AttentionJob *j, const View *w, const float *rows) {
  for (ptrdiff_t g = 0; g < w->groups; g++) {
    if (j->wide) wide_gather(j, w, g, rows);
    else for (ptrdiff_t c = 0; c < j->d; c += KEYS) gather(j, w, g, rows + (w->kv * j->d + c) * j->tiles * KEYS, c);
  }
}
