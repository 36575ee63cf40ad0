"""`torch.mps` and `torch.xpu` on a machine without such a device."""
from __future__ import annotations

from fastnet.torch._frame import cuda
from fastnet.torch._frame.cuda import device_count, empty_cache, is_available, manual_seed, synchronize

__all__ = ["current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "is_available",
           "manual_seed", "manual_seed_all", "seed", "synchronize"]

current_allocated_memory = driver_allocated_memory = cuda.memory_allocated
manual_seed_all = seed = cuda.manual_seed
