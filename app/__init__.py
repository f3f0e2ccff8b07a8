"""Convscope: see what a convolution does and where its gradients come from."""
