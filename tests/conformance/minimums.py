"""How many cases must have been computed, so that a run cannot pass by loading none."""

MINIMUM: dict[str, dict[str, int]] = {}
