"""`kserve.protocol.rest`: the V2 bodies as pydantic models (`v2_datamodels`). KServe's server is not here."""
