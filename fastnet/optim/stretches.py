"""Which parameters an optimizer updates in one kernel call: neighbours in an arena that have made as many steps."""
from fastnet._core.memory import mirrored


def by_step(members, states):
    """The parameters in groups that share a step counter: [(counter, [(parameter, gradient), ...])]."""
    groups = {}
    for p, g in members:
        step = states[p]["step"]
        groups.setdefault(id(step), (step, []))[1].append((p, g))
    return groups.values()


def stretches(members, states, homes, names):
    """Arrays (parameters, gradients, moments): flat over neighbours in one arena, else those of a parameter alone."""
    run, own = [], False
    for p, g in sorted(members, key=_place):
        before, own = own, _is_mirrored(p, g, states[p], homes.get(p), names)
        if run and not (before and own and _neighbours(run[-1][0], p)):
            yield _flat(run, states, names)
            run = []
        run.append((p, g))
    if run:
        yield _flat(run, states, names)


def _place(member):
    slot = member[0]._slot
    return (0, 0) if slot is None else (id(slot[0]), slot[1])


def _is_mirrored(p, g, entry, homes, names):
    """Whether a parameter's gradient and moments lie in its arena's mirrors: none is the user's own."""
    return (p._slot is not None and g is p._grad_home and g.base is p._slot[0].grad
            and all(start is None or entry[name]._data is homes.get(name) for name, start in names.items()))


def _neighbours(p, q):
    """Whether two parameters lie in one arena side by side, but for the gap of alignment."""
    return (p._slot[0] is q._slot[0] and p.dtype == q.dtype
            and q._slot[1] == p._slot[1] + (p.nbytes + 63) // 64 * 64)


def _flat(run, states, names):
    (p, g), (q, _) = run[0], run[-1]
    entry = states[p]
    if len(run) == 1:                           # in its own shape: flattened, a strided one would be a copy
        return p._data, g, {name: entry[name]._data if start is not None else None for name, start in names.items()}
    offset = p._slot[1]
    shape = ((q._slot[1] + q.nbytes - offset) // p._data.itemsize,)

    def whole(array):
        return mirrored(array.base, offset, shape, p.dtype)
    return whole(p._data), whole(g), {name: whole(entry[name]._data) if start is not None else None
                                      for name, start in names.items()}
