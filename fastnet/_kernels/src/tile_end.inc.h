/* The end of what tile.inc.h defines. */
#undef PANEL
#undef SLIVER
#undef K_MOST
