#include "float_rows.h"

#include <math.h>

#include "float_tile.h"

// Elements of a task.
enum { ELEMENTS = 1 << 14 };

INLINE __m256 sigmoid(__m256 x) {
  const __m256 one = _mm256_set1_ps(1);
  return _mm256_div_ps(one, _mm256_add_ps(one, exponential(_mm256_sub_ps(_mm256_setzero_ps(), x))));
}

static void some_gated(void *data, size_t index) {
  const Gated *g = data;
  const ptrdiff_t first = (ptrdiff_t)index * ELEMENTS, end = least(g->count, first + ELEMENTS);
  for (ptrdiff_t i = first; i < end; i += 8) {
    const __m256 gate = get(g->gate + i, end - i);
    put(g->y + i, _mm256_mul_ps(_mm256_mul_ps(gate, sigmoid(gate)), get(g->up + i, end - i)), end - i);
  }
}

static void some_gated_grad(void *data, size_t index) {
  const Gated *g = data;
  const ptrdiff_t first = (ptrdiff_t)index * ELEMENTS, end = least(g->count, first + ELEMENTS);
  for (ptrdiff_t i = first; i < end; i += 8) {
    const __m256 gate = get(g->gate + i, end - i), dy = get(g->dy + i, end - i), s = sigmoid(gate), silu = _mm256_mul_ps(gate, s);
    // s (1 + gate (1 - s))
    const __m256 slope = _mm256_fmadd_ps(silu, _mm256_sub_ps(_mm256_set1_ps(1), s), s);
    put(g->dup + i, _mm256_mul_ps(dy, silu), end - i);
    put(g->dgate + i, _mm256_mul_ps(_mm256_mul_ps(dy, get(g->up + i, end - i)), slope), end - i);
  }
}

static size_t parts(ptrdiff_t count) { return (size_t)ceil_div(count, ELEMENTS); }

void swiglu(Gated g, Threads threads) { threads.run(threads.place, some_gated, &g, parts(g.count)); }
void swiglu_grad(Gated g, Threads threads) { threads.run(threads.place, some_gated_grad, &g, parts(g.count)); }

static ptrdiff_t rows_each(const Normed *n) { return ceil_div(ELEMENTS, n->columns); }

static float inverse_rms(const float *x, ptrdiff_t columns, float eps) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  for (ptrdiff_t c = 0; c < columns; c += 16) {
    const __m256 a = get(x + c, columns - c), b = c + 8 < columns ? get(x + c + 8, columns - c - 8) : _mm256_setzero_ps();
    s0 = _mm256_fmadd_ps(a, a, s0), s1 = _mm256_fmadd_ps(b, b, s1);
  }
  return 1 / sqrtf(sum_of_8(_mm256_add_ps(s0, s1)) / (float)columns + eps);
}

static void some_normed(void *data, size_t index) {
  const Normed *n = data;
  const ptrdiff_t columns = n->columns, first = (ptrdiff_t)index * rows_each(n), end = least(n->rows, first + rows_each(n));
  for (ptrdiff_t row = first; row < end; row++) {
    const float *x = n->x + row * columns;
    const __m256 inverse = _mm256_set1_ps(inverse_rms(x, columns, n->eps));
    for (ptrdiff_t c = 0; c < columns; c += 8) {
      const ptrdiff_t count = columns - c;
      put(n->y + row * columns + c, _mm256_mul_ps(_mm256_mul_ps(get(x + c, count), inverse), get(n->weight + c, count)), count);
    }
  }
}

static void some_normed_grad(void *data, size_t index) {
  const Normed *n = data;
  const ptrdiff_t columns = n->columns, first = (ptrdiff_t)index * rows_each(n), end = least(n->rows, first + rows_each(n));
  for (ptrdiff_t row = first; row < end; row++) {
    const float *x = n->x + row * columns, *dy = n->dy + row * columns, inverse = inverse_rms(x, columns, n->eps);
    __m256 sum = _mm256_setzero_ps();
    for (ptrdiff_t c = 0; c < columns; c += 8) {
      const ptrdiff_t count = columns - c;
      sum = _mm256_fmadd_ps(_mm256_mul_ps(get(dy + c, count), get(n->weight + c, count)), get(x + c, count), sum);
    }
    // With c the mean of dy * weight * x / rms: dx = (dy * weight - x / rms * c) / rms.
    const __m256 share = _mm256_set1_ps(sum_of_8(sum) / (float)columns * inverse * inverse), factor = _mm256_set1_ps(inverse);
    for (ptrdiff_t c = 0; c < columns; c += 8) {
      const ptrdiff_t count = columns - c;
      const __m256 weighted = _mm256_mul_ps(get(dy + c, count), get(n->weight + c, count));
      put(n->y + row * columns + c, _mm256_mul_ps(_mm256_fnmadd_ps(get(x + c, count), share, weighted), factor), count);
    }
  }
}

void rms_norm(Normed n, Threads threads) {
  if (n.columns) threads.run(threads.place, some_normed, &n, (size_t)ceil_div(n.rows, rows_each(&n)));
}
void rms_norm_grad(Normed n, Threads threads) {
  if (n.columns) threads.run(threads.place, some_normed_grad, &n, (size_t)ceil_div(n.rows, rows_each(&n)));
}
