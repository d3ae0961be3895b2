// Attention over a prefix tree, and its gradient: token i sees token j iff j <= i, i < until[j] and, with a window, positions[i] -
// positions[j] < window. Sums are in an order that depends on shapes alone, whatever the number of threads.
#pragma once
#include "work.h"

typedef struct {
  ptrdiff_t queries, rows;  // queries are the last ones of the rows
  ptrdiff_t heads, kv_heads, d;
  float scale;
  int64_t window;  // 0: none
  float cap;       // scores become cap tanh(score / cap); 0: they stay
  const int32_t *until, *positions;  // [rows]
} AttentionShape;

// Floats of scratch memory.
size_t attention_scratch(const AttentionShape *s);
// o [queries, heads * d] of q [queries, heads * d], k and v [rows, kv_heads * d].
void attention(const AttentionShape *s, const float *q, const float *k, const float *v, float *o, float *scratch, Threads threads);

size_t attention_grad_scratch(const AttentionShape *s);
// dq, dk and dv of dy, the gradient of o; as many queries as rows.
void attention_grad(const AttentionShape *s, const float *q, const float *k, const float *v, const float *o, const float *dy,
                    float *dq, float *dk, float *dv, float *scratch, Threads threads);
