"""Pillow only: bytes to arrays to bytes, and colour maps."""
