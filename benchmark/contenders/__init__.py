"""The transformers that are compared: one user program for two SDKs, and the floors written by hand."""
