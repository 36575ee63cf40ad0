"""`fastnet.compile`: recordings of functions, the guards of each, and how they are replayed."""
