/* Activations and their gradients. */
#include "activation_slots.h"
#include "map.h"
#include "simd_math.h"

#define T f32
#include "activation.inc.h"
#undef T
#define T f64
#include "activation.inc.h"
#undef T

const Entry TABLE(activation)[] = {
    ROW(relu), ROW(relu_backward), ROW(leaky_relu), ROW(leaky_relu_backward), ROW(elu), ROW(elu_backward),
    CHOICE(hardtanh_backward),
    ROW(sigmoid), ROW(sigmoid_backward), ROW(tanh), ROW(tanh_backward), ROW(gelu), ROW(gelu_backward),
    ROW(gelu_tanh), ROW(gelu_tanh_backward), ROW(silu), ROW(silu_backward), ROW(softplus), ROW(softplus_backward),
    ROW(hardswish), ROW(hardswish_backward), ROW(hardsigmoid), ROW(hardsigmoid_backward), ROW(selu), ROW(selu_backward), END};
