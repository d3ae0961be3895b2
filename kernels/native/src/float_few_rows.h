// Products of few rows: the second factor is read once, where it lies, instead of being laid out.
#pragma once
#include "weights.h"
#include "work.h"

// Rows that are few.
enum { FEW = 6 };

// As in float_product.h; m is FEW at most.
typedef struct {
  ptrdiff_t m, n, k;
  const float *a, *base;
  Weights b;
  int transposed;
  float alpha;
  float *y;
} FewRows;

void few_rows(FewRows f, Threads threads);
