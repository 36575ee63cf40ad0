"""Transcription of speech: `fastnet train fsdd --model ctc`, `fastnet transcribe`, and other commands on its models."""

__all__: list[str] = []
