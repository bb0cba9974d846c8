"""A light predictor that serves what it finds in /mnt/models, and can be slow or failing on request."""
