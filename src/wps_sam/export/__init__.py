"""A trained run as one file that ONNX Runtime or OpenVINO runs without PyTorch."""
