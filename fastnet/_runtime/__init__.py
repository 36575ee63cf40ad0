"""Compiled code that is no kernel: allocation, the tape, launches, threads, the calls of compiled functions."""
