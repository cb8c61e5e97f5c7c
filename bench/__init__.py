"""What `make bench` runs: one file per figure of docs/benchmarks.md."""
