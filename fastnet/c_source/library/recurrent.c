/* Sizes of one direction of a recurrent layer. Rows of x are (steps, batch, inputs); the states of a step lie out_step
   apart in the output, whose rows also hold the other direction. */
typedef struct {
    int32_t steps, batch, inputs, units, out_step, reverse;
} recurrent_shape;

/* The sum that enters a gate: its row of both weights and biases; biases may be NULL. */
static float gate_sum(const float *x, const float *weight, const float *bias, int32_t row, int32_t n)
{
    return dot(x, weight + row * n, n) + (bias ? bias[row] : 0.0f);
}

/* c' = sigmoid(f) * c + sigmoid(i) * tanh(g), h' = sigmoid(o) * tanh(c'). h (batch, units) and c are the first states
   and become the last ones. */
static void lstm(float *y, float *h, float *c, const float *x, const float *w_ih, const float *w_hh, const float *b_ih,
                 const float *b_hh, const recurrent_shape *s)
{
    const int32_t u = s->units;
    for (int32_t t = 0; t < s->steps; t++)
        for (int32_t b = 0; b < s->batch; b++) {
            const int32_t row = (s->reverse ? s->steps - 1 - t : t) * s->batch + b;
            float *out = y + row * s->out_step, *state = h + b * u, *cell = c + b * u;
            for (int32_t j = 0; j < u; j++) {
                float gate[4];
                for (int32_t k = 0; k < 4; k++)
                    gate[k] = gate_sum(x + row * s->inputs, w_ih, b_ih, k * u + j, s->inputs)
                              + gate_sum(state, w_hh, b_hh, k * u + j, u);
                cell[j] = sigmoid(gate[1]) * cell[j] + sigmoid(gate[0]) * tanhf(gate[2]);
                out[j] = sigmoid(gate[3]) * tanhf(cell[j]);
            }
            copy(state, out, u);
        }
}

/* n = tanh(n_x + sigmoid(r) * n_h), h' = n + sigmoid(z) * (h - n). h (batch, units) is the first state and becomes the
   last one. */
static void gru(float *y, float *h, const float *x, const float *w_ih, const float *w_hh, const float *b_ih,
                const float *b_hh, const recurrent_shape *s)
{
    const int32_t u = s->units;
    for (int32_t t = 0; t < s->steps; t++)
        for (int32_t b = 0; b < s->batch; b++) {
            const int32_t row = (s->reverse ? s->steps - 1 - t : t) * s->batch + b;
            float *out = y + row * s->out_step, *state = h + b * u;
            for (int32_t j = 0; j < u; j++) {
                float from_x[3], from_h[3];
                for (int32_t k = 0; k < 3; k++) {
                    from_x[k] = gate_sum(x + row * s->inputs, w_ih, b_ih, k * u + j, s->inputs);
                    from_h[k] = gate_sum(state, w_hh, b_hh, k * u + j, u);
                }
                const float n = tanhf(from_x[2] + sigmoid(from_x[0] + from_h[0]) * from_h[2]);
                out[j] = n + sigmoid(from_x[1] + from_h[1]) * (state[j] - n);
            }
            copy(state, out, u);
        }
}

/* h' = tanh(sum), or relu(sum). h (batch, units) is the first state and becomes the last one. */
static void rnn(float *y, float *h, const float *x, const float *w_ih, const float *w_hh, const float *b_ih,
                const float *b_hh, int32_t with_relu, const recurrent_shape *s)
{
    const int32_t u = s->units;
    for (int32_t t = 0; t < s->steps; t++)
        for (int32_t b = 0; b < s->batch; b++) {
            const int32_t row = (s->reverse ? s->steps - 1 - t : t) * s->batch + b;
            float *out = y + row * s->out_step, *state = h + b * u;
            for (int32_t j = 0; j < u; j++) {
                const float sum = gate_sum(x + row * s->inputs, w_ih, b_ih, j, s->inputs)
                                  + gate_sum(state, w_hh, b_hh, j, u);
                out[j] = with_relu ? relu(sum) : tanhf(sum);
            }
            copy(state, out, u);
        }
}
