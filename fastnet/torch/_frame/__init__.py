"""The parts of PyTorch's namespace that fastnet has no other place for, and the modules that collect the rest."""
