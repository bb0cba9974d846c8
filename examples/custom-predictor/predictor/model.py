"""The smallest predictor: doubles numbers. Runs as `python -m model`."""

import argparse
from typing import Any

from modelapi import Model, ModelServer, model_server


class Doubler(Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True

    def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        """V1: `{"instances": [numbers]}` -> `{"predictions": [numbers]}`."""
        return {"predictions": [2 * number for number in payload["instances"]]}


if __name__ == "__main__":
    args, _ = argparse.ArgumentParser(parents=[model_server.parser]).parse_known_args()
    ModelServer().start([Doubler(args.model_name)])
