"""A TorchServe model archive (`.mar`).

A zip of the model, its handler and a manifest, the same bytes for the same content.
"""

from __future__ import annotations

import io
import json
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

MANIFEST = "MAR-INF/MANIFEST.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say


def pack(name: str, model: bytes, handler: bytes, *, version: str = "1.0") -> bytes:
    """The archive of an ONNX model and its `handler.py`, as torch-model-archiver lays one out."""
    manifest = {
        "runtime": "python",
        "model": {
            "modelName": name,
            "serializedFile": f"{name}.onnx",
            "handler": "handler.py",
            "modelVersion": version,
        },
        "archiverVersion": "0.12.0",
    }
    members = {
        MANIFEST: json.dumps(manifest, indent=2).encode(),
        "handler.py": handler,
        f"{name}.onnx": model,
    }
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for path, content in members.items():
            entry = ZipInfo(path, LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, compresslevel=9)
    return stream.getvalue()
