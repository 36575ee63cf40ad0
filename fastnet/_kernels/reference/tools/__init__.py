"""What the reference kernels share."""
