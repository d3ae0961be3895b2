// What is done element by element or row by row, in one pass over memory. Shapes as in ../../ops.
#pragma once
#include "work.h"

// y [count] = gate / (1 + e^-gate) * up.
typedef struct {
  ptrdiff_t count;
  const float *gate, *up, *dy;
  float *y, *dgate, *dup;
} Gated;
void swiglu(Gated g, Threads threads);
// dgate and dup of dy, the gradient of y.
void swiglu_grad(Gated g, Threads threads);

// y [rows, columns] = x / sqrt(mean(x^2) + eps) * weight.
typedef struct {
  ptrdiff_t rows, columns;
  const float *x, *weight, *dy;
  float eps;
  float *y;
} Normed;
void rms_norm(Normed n, Threads threads);
// y = dx of dy, the gradient of what was y.
void rms_norm_grad(Normed n, Threads threads);
