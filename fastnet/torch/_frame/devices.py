"""Values of `torch.backends` and `torch.version`: settings that can be set and read, and have no effect."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["BACKENDS", "NO_VERSION", "TORCH_VERSION", "VERSION"]

# The version of PyTorch whose names and behaviour are followed. The local part is legal in every parser of versions.
TORCH_VERSION = "2.13.0+fastnet"


def _no(*args: Any) -> bool:
    return False


def _yes(*args: Any) -> bool:
    return True


def _none(*args: Any) -> None:
    return None


_ABSENT: dict[str, Any] = {"is_available": _no, "is_built": _no}
_PRESENT: dict[str, Any] = {"is_available": _yes}
NO_VERSION: dict[str, Any] = {"version": _none}
VERSION: dict[str, Any] = {"cuda": None, "hip": None, "xpu": None, "git_version": "", "debug": False}

BACKENDS: Mapping[str, Mapping[str, Any]] = {
    "cudnn": {**_ABSENT, **NO_VERSION, "enabled": True, "benchmark": False, "benchmark_limit": 10,
              "deterministic": False, "allow_tf32": True},
    "cuda": {**_ABSENT, "flash_sdp_enabled": _no, "mem_efficient_sdp_enabled": _no, "math_sdp_enabled": _yes,
             "enable_flash_sdp": _none, "enable_mem_efficient_sdp": _none, "enable_math_sdp": _none,
             "enable_cudnn_sdp": _none},
    "cuda.matmul": {"allow_tf32": False, "allow_fp16_reduced_precision_reduction": True,
                    "allow_bf16_reduced_precision_reduction": True},
    "mps": _ABSENT,
    "mkl": _ABSENT,
    "mkldnn": {"is_available": _no, "enabled": True, "allow_tf32": True},
    "openmp": _PRESENT,
    "cpu": {"get_cpu_capability": _none},
    "opt_einsum": {"is_available": _no, "enabled": False, "strategy": None},
    "quantized": {"engine": "none", "supported_engines": ["none"]},
}
