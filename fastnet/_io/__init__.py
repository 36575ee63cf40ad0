"""Atomic replacement of files, and files of tensors."""
