"""ONNX models: reading them into modules, and writing modules as ONNX."""
