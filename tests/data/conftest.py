"""Fixtures of the tests of data sets: small files, no data anywhere, and a mirror on this machine."""
import hashlib
import http.server
import threading

import pytest
from dataset_tools import small_files

from fastnet.datasets import cifar, files, idx as idx_files


@pytest.fixture
def small(monkeypatch):
    """MNIST made small: {name: contents}, with shapes and sums to match."""
    contents = small_files(monkeypatch)
    monkeypatch.setattr(idx_files.MNIST, "digests", tuple(hashlib.sha256(c).hexdigest() for c in contents.values()))
    return contents


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """No data anywhere: an empty cache, no FASTNET_DATA, no mirror. Returns the cache folder."""
    monkeypatch.delenv("FASTNET_DATA", raising=False)
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")
    for data_set in (idx_files.MNIST, idx_files.FASHION_MNIST, idx_files.KMNIST):
        monkeypatch.setattr(data_set, "mirrors", ())
    monkeypatch.setattr(cifar, "ARCHIVE_URLS", ())
    return tmp_path / "cache"


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """A mirror on this machine; returns the folder that it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    url = f"http://127.0.0.1:{server.server_port}/"
    for data_set in (idx_files.MNIST, idx_files.FASHION_MNIST, idx_files.KMNIST):
        monkeypatch.setattr(data_set, "mirrors", (url,))
    monkeypatch.setattr(cifar, "ARCHIVE_URLS", (url + cifar.ARCHIVE,))
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()
