"""The default number of threads: the least of the process's affinity, its container's quota, and OMP_NUM_THREADS."""
from __future__ import annotations

import os
from pathlib import Path


def default_threads() -> int:
    """min(affinity, cgroup CPU quota, OMP_NUM_THREADS), at least 1."""
    limits = [_affinity(), cgroup_quota(), _environment()]
    return max(1, min(n for n in limits if n is not None))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment() -> int | None:
    value = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(value) if value.isdigit() and int(value) > 0 else None


def cgroup_quota(root: str = "/sys/fs/cgroup", membership: str = "/proc/self/cgroup") -> int | None:
    """The number of whole CPUs that the container's quotas allow (cgroup v2 and v1), or None without a quota."""
    quotas = [quota for folder in _cgroup_folders(Path(root), membership)
              if (quota := _read_v2(folder / "cpu.max") or _read_v1(folder)) is not None]
    return max(1, int(min(quotas))) if quotas else None


def _cgroup_folders(root: Path, membership: str) -> list[Path]:
    """The folders of the process's control group and the groups above it, in the v2 tree and in v1's cpu trees."""
    paths: list[Path] = []
    try:
        lines = [line.split(":", 2) for line in Path(membership).read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        lines = []
    for _, controllers, group in (line for line in lines if len(line) == 3):
        v1 = [root / c for c in (controllers, "cpu") if "cpu" in controllers.split(",")]
        trees = v1 if controllers else [root]
        for tree in trees:
            folder = tree / group.lstrip("/")
            paths += [folder, *(p for p in folder.parents if p.is_relative_to(tree))]
    return [*paths, root, root / "cpu"]


def _read_v2(path: Path) -> float | None:
    try:
        quota, period = path.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _read_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return quota / int((folder / "cpu.cfs_period_us").read_text()) if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
