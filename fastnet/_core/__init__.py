"""What everything else stands on: tensors, their memory, the thread's state, and the wording of errors."""
