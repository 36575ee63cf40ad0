from fastnet._runtime.launch cimport Array, Kernel, Launch

cdef int launch_map(Kernel kernel, double cost, object out, object x, object y=*, object z=*,
                    double s0=*, double s1=*, double s2=*) except -1
cdef int launch_map1(Kernel kernel, double cost, object out, object x, double s0=*, double s1=*, double s2=*) except -1
