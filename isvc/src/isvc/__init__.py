"""InferenceService YAML to a running stack on one machine."""
