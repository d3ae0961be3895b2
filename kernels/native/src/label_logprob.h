// Log-probabilities of labels under the softmax of h w', and their gradients by h, without the logits in memory: the vocabulary goes by in
// chunks, with each row's largest logit so far (as in the online softmax of Milakov and Gimelshein 2018). Sums are in an order that depends on
// shapes alone, whatever the number of threads.
#pragma once
#include "weights.h"
#include "work.h"

typedef struct {
  ptrdiff_t labels, columns, vocab;
  const float *h;      // [labels, columns]
  Weights w;           // [vocab, columns]
  const int32_t *ids;  // [labels], rows of w
  float cap;           // logits become cap tanh(logit / cap); 0: they stay
  float *logp;         // [labels], nats
  float *dh;           // [labels, columns] = w[id] less the mean of w's rows by their probabilities, each times its logit's slope where capped; NULL: not wanted
} Labels;

// Floats of scratch memory.
size_t label_logprob_scratch(const Labels *p);
void label_logprob(const Labels *p, float *scratch, Threads threads);
