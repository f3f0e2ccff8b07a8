"""One algorithm a file; each computes every geometry it claims, with one signature."""
