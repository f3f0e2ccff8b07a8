"""Long work: many pictures through one network, kept on disk, computed behind the requests."""
