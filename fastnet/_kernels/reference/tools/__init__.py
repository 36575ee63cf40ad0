"""Helpers of the reference kernels."""
