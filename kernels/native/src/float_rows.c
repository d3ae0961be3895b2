#include "float_rows.h"

#include <math.h>

#include "float_tile.h"

// Elements of a task; elements from what is read or written to what is asked of memory beside it.
enum { ELEMENTS = 1 << 14, AHEAD = 256 };

// Asks memory for a line: the processor foresees what comes next within a page of 4 KiB only.
INLINE void soon(const float *at) { _mm_prefetch((const char *)at, _MM_HINT_T0); }

// 1 / (1 + e^-x), 2 ulp or so. Beyond 87 it stays what it is there, so that 2^n is one exponent; NaN stays NaN.
INLINE __m256 sigmoid(__m256 x) {
  const __m256 one = _mm256_set1_ps(1), most = _mm256_set1_ps(87), magic = _mm256_set1_ps(0x1.8p23f);
  // The second operand is given back where one is NaN.
  const __m256 y = _mm256_min_ps(most, _mm256_max_ps(_mm256_set1_ps(-87), x));
  // -y = n ln 2 + r; adding the magic number rounds, and leaves n in the lowest bits.
  const __m256 shifted = _mm256_fnmadd_ps(y, _mm256_set1_ps(1.44269504f), magic), n = _mm256_sub_ps(magic, shifted);
  const __m256 r = _mm256_fmsub_ps(n, _mm256_set1_ps(-2.12194440e-4f), _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), y));
  const __m256 r2 = _mm256_mul_ps(r, r);
  // In pairs of terms, which don't wait for each other.
  const __m256 high = _mm256_fmadd_ps(r, _mm256_set1_ps(1.9875691500e-4f), _mm256_set1_ps(1.3981999507e-3f));
  const __m256 middle = _mm256_fmadd_ps(r, _mm256_set1_ps(8.3334519073e-3f), _mm256_set1_ps(4.1665795894e-2f));
  const __m256 low = _mm256_fmadd_ps(r, _mm256_set1_ps(1.6666665459e-1f), _mm256_set1_ps(5.0000001201e-1f));
  const __m256 p = _mm256_fmadd_ps(r2, _mm256_fmadd_ps(r2, _mm256_fmadd_ps(r2, high, middle), low), _mm256_add_ps(r, one));
  const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_div_ps(one, _mm256_add_ps(one, _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power))));
}

// 2 sqrt(2 / pi), and 0.044715 times that: (1 + tanh(u)) / 2 is 1 / (1 + e^-2u).
static const float GELU_LINEAR = 1.59576912f, GELU_CUBIC = 7.13548163e-2f;

// What passes of a gate: gate * share is SiLU, or GELU by its tanh approximation.
INLINE __m256 share(__m256 gate, int gelu) {
  if (!gelu) return sigmoid(gate);
  const __m256 squares = _mm256_mul_ps(gate, gate);
  return sigmoid(_mm256_mul_ps(gate, _mm256_fmadd_ps(squares, _mm256_set1_ps(GELU_CUBIC), _mm256_set1_ps(GELU_LINEAR))));
}

INLINE void gated(const Gated *g, size_t index, int gelu) {
  const ptrdiff_t first = (ptrdiff_t)index * ELEMENTS, end = least(g->count, first + ELEMENTS);
  for (ptrdiff_t i = first; i < end; i += 8) {
    soon(g->gate + i + AHEAD), soon(g->up + i + AHEAD), soon(g->y + i + AHEAD);
    const __m256 gate = get(g->gate + i, end - i);
    put(g->y + i, _mm256_mul_ps(_mm256_mul_ps(gate, share(gate, gelu)), get(g->up + i, end - i)), end - i);
  }
}

INLINE void gated_grad(const Gated *g, size_t index, int gelu) {
  const ptrdiff_t first = (ptrdiff_t)index * ELEMENTS, end = least(g->count, first + ELEMENTS);
  for (ptrdiff_t i = first; i < end; i += 8) {
    soon(g->gate + i + AHEAD), soon(g->up + i + AHEAD), soon(g->dy + i + AHEAD), soon(g->dgate + i + AHEAD), soon(g->dup + i + AHEAD);
    if (g->y) soon(g->y + i + AHEAD);
    const __m256 gate = get(g->gate + i, end - i), up = get(g->up + i, end - i), dy = get(g->dy + i, end - i);
    const __m256 s = share(gate, gelu), passed = _mm256_mul_ps(gate, s);
    // s + gate s (1 - s) times the slope of the sigmoid's argument, which is 1 or LINEAR + 3 CUBIC gate^2.
    __m256 rest = _mm256_sub_ps(_mm256_set1_ps(1), s);
    if (gelu) {
      const __m256 squares = _mm256_mul_ps(gate, gate);
      rest = _mm256_mul_ps(rest, _mm256_fmadd_ps(squares, _mm256_set1_ps(3 * GELU_CUBIC), _mm256_set1_ps(GELU_LINEAR)));
    }
    const __m256 slope = _mm256_fmadd_ps(passed, rest, s);
    put(g->dup + i, _mm256_mul_ps(dy, passed), end - i);
    put(g->dgate + i, _mm256_mul_ps(_mm256_mul_ps(dy, up), slope), end - i);
    if (g->y) put(g->y + i, _mm256_mul_ps(passed, up), end - i);
  }
}

static void some_swiglu(void *data, size_t index) { gated(data, index, 0); }
static void some_geglu(void *data, size_t index) { gated(data, index, 1); }
static void some_swiglu_grad(void *data, size_t index) { gated_grad(data, index, 0); }
static void some_geglu_grad(void *data, size_t index) { gated_grad(data, index, 1); }

static size_t parts(ptrdiff_t count) { return (size_t)ceil_div(count, ELEMENTS); }

void swiglu(Gated g, Threads threads) { threads.run(threads.place, some_swiglu, &g, parts(g.count)); }
void swiglu_grad(Gated g, Threads threads) { threads.run(threads.place, some_swiglu_grad, &g, parts(g.count)); }
void geglu(Gated g, Threads threads) { threads.run(threads.place, some_geglu, &g, parts(g.count)); }
void geglu_grad(Gated g, Threads threads) { threads.run(threads.place, some_geglu_grad, &g, parts(g.count)); }

static ptrdiff_t rotary_rows(const Rotary *r) { return ceil_div(ELEMENTS, r->heads * 2 * r->half); }

static void some_rotary(void *data, size_t index) {
  const Rotary *r = data;
  const ptrdiff_t half = r->half, first = (ptrdiff_t)index * rotary_rows(r), end = least(r->rows, first + rotary_rows(r));
  const __m256 sign = _mm256_set1_ps(r->inverse ? -0.0f : 0.0f);
  for (ptrdiff_t row = first; row < end; row++) {
    for (ptrdiff_t c = 0; c < half; c += 8) {
      const ptrdiff_t count = half - c;
      const __m256 cos = get(r->cos + row * half + c, count), sin = _mm256_xor_ps(sign, get(r->sin + row * half + c, count));
      for (ptrdiff_t h = 0; h < r->heads; h++) {
        const ptrdiff_t at = (row * r->heads + h) * 2 * half + c;
        const __m256 a = get(r->x + at, count), b = get(r->x + at + half, count);
        put(r->y + at, _mm256_fnmadd_ps(b, sin, _mm256_mul_ps(a, cos)), count);
        put(r->y + at + half, _mm256_fmadd_ps(a, sin, _mm256_mul_ps(b, cos)), count);
      }
    }
  }
}

void rotary(Rotary r, Threads threads) {
  if (r.heads && r.half) threads.run(threads.place, some_rotary, &r, (size_t)ceil_div(r.rows, rotary_rows(&r)));
}

static ptrdiff_t rows_each(const Normed *n) { return ceil_div(ELEMENTS, n->columns); }

// The next row is asked of memory meanwhile, here and below.
static float inverse_rms(const float *x, ptrdiff_t columns, float eps) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  for (ptrdiff_t c = 0; c < columns; c += 16) {
    soon(x + columns + c);
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
      soon(n->y + (row + 1) * columns + c);
      put(n->y + row * columns + c, _mm256_mul_ps(_mm256_mul_ps(get(x + c, count), inverse), get(n->weight + c, count)), count);
    }
  }
}

static void some_normed_grad(void *data, size_t index) {
  const Normed *n = data;
  const ptrdiff_t columns = n->columns, first = (ptrdiff_t)index * rows_each(n), end = least(n->rows, first + rows_each(n));
  for (ptrdiff_t row = first; row < end; row++) {
    const float *x = n->x + row * columns, *dy = n->dy + row * columns, inverse = inverse_rms(x, columns, n->eps);
    const float *base = n->base ? n->base + row * columns : NULL;
    __m256 sum = _mm256_setzero_ps();
    for (ptrdiff_t c = 0; c < columns; c += 8) {
      const ptrdiff_t count = columns - c;
      soon(dy + columns + c), soon(n->y + (row + 1) * columns + c);
      if (base) soon(base + columns + c);
      sum = _mm256_fmadd_ps(_mm256_mul_ps(get(dy + c, count), get(n->weight + c, count)), get(x + c, count), sum);
    }
    // With c the mean of dy * weight * x / rms: dx = (dy * weight - x / rms * c) / rms.
    const __m256 share = _mm256_set1_ps(sum_of_8(sum) / (float)columns * inverse * inverse), factor = _mm256_set1_ps(inverse);
    for (ptrdiff_t c = 0; c < columns; c += 8) {
      const ptrdiff_t count = columns - c;
      const __m256 weighted = _mm256_mul_ps(get(dy + c, count), get(n->weight + c, count));
      const __m256 dx = _mm256_mul_ps(_mm256_fnmadd_ps(get(x + c, count), share, weighted), factor);
      put(n->y + row * columns + c, base ? _mm256_add_ps(get(base + c, count), dx) : dx, count);
    }
  }
}

void rms_norm(Normed n, Threads threads) {
  if (n.columns) threads.run(threads.place, some_normed, &n, (size_t)ceil_div(n.rows, rows_each(&n)));
}
void rms_norm_grad(Normed n, Threads threads) {
  if (n.columns) threads.run(threads.place, some_normed_grad, &n, (size_t)ceil_div(n.rows, rows_each(&n)));
}
