/* Launch slots of the kernels in quantized_map.c. */
enum { X_OUT, X_IN, X_OTHER, X_SCALE, X_ZERO, X_TABLE };

enum {
    X_SIZE,                             /* elements */
    X_RUNS, X_CHANNELS, X_INNER,        /* quantize and dequantize: outer * channels runs of X_INNER elements */
    X_ROWS, X_LENGTH,                   /* quantize_rows and softmax */
    X_KIND, X_OUT_LOWEST,               /* Integers of the input; the smallest number of out's dtype */
    X_ZERO_A, X_MULTIPLIER_A, X_SHIFT_A, X_ZERO_B, X_MULTIPLIER_B, X_SHIFT_B,
    X_ZERO_OUT, X_MULTIPLIER, X_SHIFT, X_LOW, X_HIGH
};
