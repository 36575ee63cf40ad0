cdef class Storage:
    cdef public Py_ssize_t version

cdef class TensorBase:
    cdef public object _data, _storage, _node, _grad, _grad_home, _slot, _base, _views
    cdef public bint _requires_grad
    cdef object __weakref__
    cdef Py_ssize_t prune_above     # dead views are removed when _views has more entries than this

cdef object referent(object ref)
cdef TensorBase wrap(object array, Storage storage)
