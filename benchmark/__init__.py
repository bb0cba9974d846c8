"""The Model API beside the KServe SDK and beside servers written by hand, in one run: `python -m benchmark`."""
