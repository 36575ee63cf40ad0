/* Recurrent layers: all time steps of a layer and direction in one launch, or one launch for each step.
 *
 * In a launch of all steps a block is a few sequences, and one call of a body computes its sequences for all time steps,
 * so that no thread waits for another within a layer. If there are few sequences and the weight exceeds a core's cache,
 * each step is a launch whose blocks are units: each core then reads only its part of the weight. The recurrent weight is packed once for each call. A panel holds the gates of W units
 * side by side; so the sums of all gates of a unit are at hand when its panels are done, and its new state is computed
 * from them while they are in the first cache.
 *
 * recurrent.inc.h          packing, products of a few rows, the steps
 * recurrent_cells.inc.h    the cells and their gradients */
#include "recurrent_slots.h"
#include "tile.h"

#define T f32
#include "tile.inc.h"
#include "recurrent.inc.h"
#include "recurrent_cells.inc.h"
#include "tile_end.inc.h"
#undef T
#define T f64
#include "tile.inc.h"
#include "recurrent.inc.h"
#include "recurrent_cells.inc.h"
#include "tile_end.inc.h"
#undef T

const Entry TABLE(recurrent)[] = {
    ROW(lstm), ROW(gru), ROW(rnn), ROW(lstm_backward), ROW(gru_backward), ROW(rnn_backward), ROW(pack_weight),
    ROW(lstm_at_step), ROW(gru_at_step), ROW(rnn_at_step), ROW(lstm_backward_at_step), ROW(gru_backward_at_step),
    ROW(rnn_backward_at_step), END};
