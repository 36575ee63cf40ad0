from fastnet._runtime.launch cimport BLOCK, Kernel, Launch, ceil_div

cdef extern from "src/map_slots.h":
    enum:
        MAP_OUT, MAP_X, MAP_Y, MAP_Z
        MAP_SIZE
        MAP_SCALAR_0, MAP_SCALAR_1, MAP_SCALAR_2

cdef inline void set_elements(Launch *launch, ptrdiff_t size, double cost) noexcept:
    """Divide a launch over `size` elements into blocks; `cost` is the estimated nanoseconds an element."""
    launch.n[MAP_SIZE] = size
    launch.blocks = ceil_div(size, BLOCK)
    launch.work = cost * size

cdef bint is_walked_channels_last(object array) noexcept
cdef object in_memory_order(object array)
cdef int launch_map(Kernel kernel, double cost, object out, object x, object y=*, object z=*,
                    double s0=*, double s1=*, double s2=*) except -1
cdef int launch_map1(Kernel kernel, double cost, object out, object x, double s0=*, double s1=*, double s2=*) except -1
