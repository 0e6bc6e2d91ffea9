"""Load benchmarks: `python -m benchmarks` runs them against a real broker process."""
