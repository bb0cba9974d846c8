"""The storage initializer: puts a model under /mnt/models, whole or not at all."""
