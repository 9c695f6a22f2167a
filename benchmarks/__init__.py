"""Measurements of the finished house, each a ratio of two things measured in the same run."""
