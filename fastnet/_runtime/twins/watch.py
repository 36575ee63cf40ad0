"""The places of fastnet/_kernels/watch.pyx in plain Python, for installs without the extension."""
import sys

MISSING = object()


class Place:
    """A place where a function reads a value: see watch.pyx."""

    def __init__(self, kind, holder, key, path):
        self.kind_name, self.holder, self.key, self.path = kind, holder, key, path
        self.expected = self.value()

    def value(self):
        """What stands there now."""
        if self.kind_name == "COMPUTED":
            return self.key(self.holder)
        if self.kind_name == "ELEMENTS":
            return tuple(self.holder)
        if self.kind_name == "ENTRIES":
            return tuple(part for entry in self.holder.items() for part in entry)
        if self.kind_name == "CLASS":
            return type(self.holder), self.key(type(self.holder))
        if self.kind_name == "FUNCTION":
            return self.holder.__code__, self.holder.__defaults__, self.holder.__kwdefaults__
        if self.kind_name == "ENTRY":
            return self.holder.get(self.key, MISSING)
        if self.kind_name == "CELL":
            return _contents(self.holder)
        return next((vars(c)[self.key] for c in self.holder.__mro__ if self.key in vars(c)), MISSING)


def _contents(cell):
    try:
        return cell.cell_contents
    except ValueError:                      # empty
        return MISSING


class Places:
    """Places whose values a recording depends on: see watch.pyx."""

    def __init__(self, alike):
        self.places, self.alike = [], alike

    def add(self, place):
        """Watch a place."""
        self.places.append(place)

    def __len__(self):
        return len(self.places)

    def __iter__(self):
        return iter(self.places)

    def unchanged(self):
        """Whether the values are those that were there, or do for them."""
        return not self.changed()

    def changed(self):
        """The places with another value than before."""
        return [place for place in self.places if not self.alike(place.expected, place.value())]


class Frames:
    """Reports the calls that a function makes while it runs: see watch.pyx."""

    def __init__(self, enters, is_users, impure, calls):
        self.enters, self.is_users, self.impure, self.calls = enters, is_users, frozenset(impure), calls

    def run(self, function, args, kwargs):
        """function(*args, **kwargs), reported."""
        before = sys.getprofile()
        sys.setprofile(self._report)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(before)

    def _report(self, frame, event, argument):
        if event == "call":
            if self.is_users(frame.f_code.co_filename):
                self.enters(frame)
        elif event == "c_call" and argument in self.impure:
            self.calls(argument, frame)
