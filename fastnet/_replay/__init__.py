"""What `fastnet.compile` is made of: the Python values that a recording depends on."""
