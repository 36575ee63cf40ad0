"""The same in plain Python, for where nothing is compiled, and as the measure in the tests."""
