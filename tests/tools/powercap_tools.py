"""A made-up tree of the processor's energy counters."""
import os

RANGE = 262_143_328_850                 # microjoules, as of a real package


def zone(root, key, name, energy=0, span=RANGE, link=True):
    """A zone as Linux shows it: a folder below its parent, and a link to it below the root."""
    parent = key.rpartition(":")[0]
    folder = (root / "devices" / parent / key) if ":" in parent else root / "devices" / key
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    (folder / "max_energy_range_uj").write_text(f"{span}\n")
    if link:
        os.symlink(folder, root / key)
    return folder


def spend(folder, microjoules, span=RANGE):
    """Let a counter advance, and start again from 0 above its range."""
    file = folder / "energy_uj"
    file.write_text(f"{(int(file.read_text()) + microjoules) % span}\n")
