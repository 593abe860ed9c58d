"""What the library costs, measured: `python benchmarks/run.py --help`."""
