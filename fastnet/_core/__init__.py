"""The base of all other packages: tensors, their memory, the thread's state, and the wording of errors."""
