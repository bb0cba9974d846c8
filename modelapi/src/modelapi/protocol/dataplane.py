"""`kserve.protocol.dataplane`."""

from modelapi.dataplane import DataPlane

__all__ = ["DataPlane"]
