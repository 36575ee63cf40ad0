/* Launch slots of the kernels in weight_only.c. */
enum { O_OUT, O_X, O_WEIGHT, O_SCALE, O_ZERO, O_BIAS };

enum { O_ROWS, O_DEPTH, O_COLUMNS, O_GROUPS, O_FOUR, O_SIGNED };       /* O_FOUR: 4 bits; O_SIGNED: zeros are int8 */

enum { COLUMNS_AT_ONCE = 8, ROWS_AT_ONCE = 4 };
