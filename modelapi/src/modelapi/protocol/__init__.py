"""`kserve.protocol`: the names of KServe's modules; what they hold lives in `modelapi.types` and `modelapi.codec`."""
