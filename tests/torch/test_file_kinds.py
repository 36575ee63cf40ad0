"""`torch.load` tells files of tensors from pickles."""
import fastnet.torch as torch


def test_a_header_whose_length_begins_like_a_pickle(tmp_path):
    for n in range(1, 140):             # the lengths of their headers end in every byte
        torch.save({"a" * n: torch.ones(1)}, tmp_path / "state.pt")
        assert list(torch.load(tmp_path / "state.pt")) == ["a" * n]
