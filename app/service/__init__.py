"""Use cases: a network spec in, arrays out. No HTTP, no Pillow."""
