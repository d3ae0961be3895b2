// Products of float32 matrices, LoRA's narrow products beside them. Sums are in an order that depends on shapes alone, whatever the number
// of threads; each output is written by one of them.
#pragma once
#include "weights.h"
#include "work.h"

typedef struct {
  ptrdiff_t m, n, k;
  // y [m, n] = base + alpha * a b: a [m, k]; b [k, n], or [n, k] where it is transposed. base NULL: none; it may be y.
  const float *a, *base;
  Weights b;
  int transposed;
  float alpha;
  float *y;
  // LoRA: h [m, rank] = down_alpha * a down, y += up_alpha * h up; down and up lie as b does. rank 0: none.
  ptrdiff_t rank;
  const float *down, *up;
  float down_alpha, up_alpha;
  float *h;
} Product;

// Some products of one a, whose rows are so laid out once: m, k, a and transposed are those of the first.
enum { MAX_PRODUCTS = 3 };

// Floats of scratch memory.
size_t products_scratch(const Product *p, ptrdiff_t count);
void products(const Product *p, ptrdiff_t count, float *scratch, Threads threads);

// y [left, right] = base + alpha * a' b: a [rows, left], b [rows, right].
typedef struct {
  ptrdiff_t left, right, rows;
  const float *a, *b, *base;
  float alpha;
  float *y;
} TurnedProduct;

size_t turned_product_scratch(const TurnedProduct *p);
void turned_product(const TurnedProduct *p, float *scratch, Threads threads);
