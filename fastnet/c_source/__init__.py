"""Models as C99 source: one .c and one .h file, with static memory that is known before they are compiled."""
from fastnet.c_source.export import export_c
from fastnet.c_source.report import CSource, StepMemory

__all__ = ["CSource", "StepMemory", "export_c"]
