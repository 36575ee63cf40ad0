"""`fastnet tune`: a search of the settings of a training."""
