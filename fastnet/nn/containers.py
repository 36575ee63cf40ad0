"""Modules that hold other modules, or parameters, in order or by name."""
from typing import Any

from fastnet._core.state import state
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter


class _Indexed(Module):
    """A container of modules under the names "0", "1", ... (or, in a Sequential, under given ones)."""

    registry = "_modules"

    def __init__(self, members=()):
        super().__init__()
        self.extend(members)

    def _members_here(self):
        if state.recorder is not None:
            self._note()
        return self.__dict__[self.registry]

    def _key(self, index):
        """The name at an index; IndexError beyond the end."""
        names = list(self._members_here())
        index = index.__index__()
        if not -len(names) <= index < len(names):
            raise IndexError(f"index {index} is out of range: this {type(self).__name__} has {len(names)} entries")
        return names[index]

    def _replace_all(self, members):
        """Hold `members` under new numbers."""
        self.__dict__[self.registry].clear()
        self._changed()
        self.extend(members)

    def __len__(self):
        return len(self._members_here())

    def __iter__(self):
        return iter(self._members_here().values())

    def __contains__(self, member):
        return any(member is m for m in self)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._members_here()[self._key(index)]

    def __setitem__(self, index, member):
        setattr(self, self._key(index), member)

    def __delitem__(self, index):
        members = list(self)
        del members[index]
        self._replace_all(members)

    def append(self, member):
        """Put a member behind the last one; returns the container."""
        setattr(self, self._checked(str(len(self)), member), member)
        return self

    def extend(self, members):
        """Append each of `members`; returns the container."""
        for member in list(members):
            self.append(member)
        return self

    def insert(self, index, member):
        """Put a member before the one at `index`; returns the container."""
        members = list(self)
        members.insert(index, member)
        self._checked(str(index), member)
        self._replace_all(members)
        return self

    def pop(self, key=-1):
        """Take the member at an index out and return it."""
        member = self[key]
        del self[key]
        return member

    def __iadd__(self, members):
        return self.extend(members)

    def _checked(self, name, member):
        kind = Module if self.registry == "_modules" else Parameter
        if not isinstance(member, kind):
            raise TypeError(f"{type(self).__name__}: entry {name} is a {type(member).__name__}, expected a "
                            f"{kind.__name__}")
        return name


_END: Any = object()


class Sequential(_Indexed):
    """Modules one behind the other: each gets the result of the one before.

    Args:
        args: the modules, or one dictionary of named ones.

    Raises:
        TypeError: an entry is no module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model(fastnet.ones(5, 4)).shape
        (5, 2)
        >>> model[0].weight.shape, len(model[1:])
        ((8, 4), 2)
    """

    def __init__(self, *args):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], dict):
            for name, module in args[0].items():
                self.add_module(self._checked(name, module), module)
        else:
            self.extend(args)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(dict(list(self._members_here().items())[index]))
        return super().__getitem__(index)

    def forward(self, input):
        members = iter(self._members_here().values())
        module = next(members, _END)
        while module is not _END:
            following = next(members, _END)
            step = module._activated(following) if type(module) is Linear else None
            if step is not None:
                module, following = step, next(members, _END)
            input, module = module(input), following
        return input


class ModuleList(_Indexed):
    """A list of modules, all of them registered.

    Args:
        modules: to begin with.

    Raises:
        TypeError: an entry is no module.

    Example:
        >>> from fastnet import nn
        >>> layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        >>> len(layers), len(list(layers.parameters()))
        (3, 6)
    """

    def __init__(self, modules=None):
        super().__init__(() if modules is None else modules)


class ParameterList(_Indexed):
    """A list of parameters, all of them registered; tensors become Parameters.

    Args:
        values: to begin with.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> [tuple(p.shape) for p in nn.ParameterList([fastnet.ones(2), fastnet.ones(3)])]
        [(2,), (3,)]
    """

    registry = "_parameters"

    def __init__(self, values=None):
        super().__init__(() if values is None else values)

    def append(self, member):
        """Put a parameter behind the last one; returns the list."""
        return super().append(member if isinstance(member, Parameter) else Parameter(member))


class ModuleDict(Module):
    """A dictionary of modules, all of them registered; in the order in which they were put in.

    Args:
        modules: a dictionary, or pairs, to begin with.

    Raises:
        TypeError: a value is no module.

    Example:
        >>> from fastnet import nn
        >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10), "parity": nn.Linear(8, 2)})
        >>> list(heads), heads["parity"].out_features
        (['digit', 'parity'], 2)
    """

    def __init__(self, modules=None):
        super().__init__()
        self.update({} if modules is None else modules)

    def _here(self):
        if state.recorder is not None:
            self._note()
        return self._modules

    def __getitem__(self, key):
        return self._here()[key]

    def __setitem__(self, key, module):
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: {key!r} is a {type(module).__name__}, expected a Module")
        self.add_module(key, module)

    def __delitem__(self, key):
        del self._modules[key]
        self._changed()

    def __len__(self):
        return len(self._here())

    def __iter__(self):
        return iter(self._here())

    def __contains__(self, key):
        return key in self._here()

    def keys(self):
        """The names."""
        return self._here().keys()

    def values(self):
        """The modules."""
        return self._here().values()

    def items(self):
        """Pairs (name, module)."""
        return self._here().items()

    def update(self, modules):
        """Put every module of a dictionary, or of pairs, in."""
        for key, module in dict(modules).items():
            self[key] = module

    def pop(self, key):
        """Take a module out and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self):
        """Take all modules out."""
        self._modules.clear()
        self._changed()
