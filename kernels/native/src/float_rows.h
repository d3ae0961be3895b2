// What is done element by element or row by row, in one pass over memory. Shapes as in ../../ops. Outputs may lie where inputs do.
#pragma once
#include "work.h"

// y [count] = gate / (1 + e^-gate) * up.
typedef struct {
  ptrdiff_t count;
  const float *gate, *up, *dy;
  float *y, *dgate, *dup;
} Gated;
void swiglu(Gated g, Threads threads);
// dgate and dup of dy, the gradient of y, and y once more; y NULL: not wanted.
void swiglu_grad(Gated g, Threads threads);
// The same with GELU by its tanh approximation in the place of gate / (1 + e^-gate).
void geglu(Gated g, Threads threads);
void geglu_grad(Gated g, Threads threads);

// y [rows, heads * 2 half]: element i of each head turned with i + half by a row's angles, whose cosines and sines are [rows, half]; inverse:
// turned back.
typedef struct {
  ptrdiff_t rows, heads, half;
  const float *x, *cos, *sin;
  int inverse;
  float *y;
} Rotary;
void rotary(Rotary r, Threads threads);

// y [rows, columns] = x / sqrt(mean(x^2) + eps) * weight.
typedef struct {
  ptrdiff_t rows, columns;
  const float *x, *weight, *dy, *base;
  float eps;
  float *y;
} Normed;
void rms_norm(Normed n, Threads threads);
// y = base + dx of dy, the gradient of what was y; base NULL: none.
void rms_norm_grad(Normed n, Threads threads);
