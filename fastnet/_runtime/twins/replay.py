"""The calls of fastnet/_kernels/replay.pyx in plain Python, for installs without the extension."""


class Caller:
    """What is called, by the subclass's `_call(args, kwargs)`."""

    _shortcut = _other = None
    calls = 0                           # made so far

    def _call(self, args, kwargs):
        raise NotImplementedError

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self._call(args, kwargs)


def shortcut(recording, args, table, build, fail):
    """The Shortcut of a call that a recording has just served: none, each call is looked at in Python."""
