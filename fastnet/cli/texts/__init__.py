"""Texts on the command line: language models and translation."""
