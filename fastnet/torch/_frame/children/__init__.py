"""The folder that `fastnet run` puts into PYTHONPATH, so that processes the program starts import its `torch`."""
