/* Launch slots of the kernels in quantized_recurrent.c. */
enum { R_HIDDEN, R_STATE, R_GATES_X, R_GATES_H, R_BEFORE, R_TABLES };

enum { R_BATCH, R_UNITS, R_MULTIPLIER, R_SHIFT, R_ZERO, R_FRACTION };

enum { GATE_ENTRIES = 513 };            /* of a table */
