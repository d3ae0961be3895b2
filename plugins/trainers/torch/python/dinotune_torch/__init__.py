"""Dinotune's engine on PyTorch: a model on one or more processes, driven over a loopback connection (README.md beside this package)."""
