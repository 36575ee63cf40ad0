/* Launch slots of the kernels in quantized_pooling.c. */
enum { W_OUT, W_IN };

enum {
    W_D, W_H, W_W, W_CHANNELS, W_OUT_D, W_OUT_H, W_OUT_W,
    W_KERNEL_D, W_KERNEL_H, W_KERNEL_W, W_STRIDE_D, W_STRIDE_H, W_STRIDE_W, W_BEFORE_D, W_BEFORE_H, W_BEFORE_W,
    W_GAP_D, W_GAP_H, W_GAP_W,
    W_KIND, W_ZERO, W_PADDED            /* W_KIND: Integers; W_PADDED: whether the elements of the padding count */
};
