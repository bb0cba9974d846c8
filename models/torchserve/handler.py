"""The handler inside `mnist.mar`: rows of a normalised 28x28 picture in, digits out.

Runs on TorchServe 0.12, whose base handler opens an `.onnx` file as an onnxruntime session, and on predictor-mock.
Needs numpy only.
"""

import numpy as np
from ts.torch_handler.base_handler import BaseHandler


class DigitHandler(BaseHandler):
    """A row is `{"data": picture}` or `{"body": picture}`, [1,28,28] for one digit or [N,1,28,28] for several.

    One picture gives one digit; several give a list. (TorchServe's KServe envelopes send V1 instances the first way,
    V2 tensors the second.)
    """

    def preprocess(self, data):
        pictures = [np.asarray(_picture(row), dtype=np.float32) for row in data]
        self._counts = [len(picture) if picture.ndim == 4 else None for picture in pictures]
        return np.concatenate([picture if picture.ndim == 4 else picture[np.newaxis] for picture in pictures])

    def inference(self, data, *args, **kwargs):
        (scores,) = self.model.run(None, {self.model.get_inputs()[0].name: data})
        return scores

    def postprocess(self, data):
        digits = data.argmax(axis=1).tolist()
        answers = []
        for count in self._counts:
            taken, digits = digits[: count or 1], digits[count or 1 :]
            answers.append(taken[0] if count is None else taken)
        return answers


def _picture(row):
    """What a row holds; a bare list is a picture itself."""
    if not isinstance(row, dict):
        return row
    for key in ("data", "body"):
        if key in row:
            return row[key]
    raise ValueError(f"a row needs 'data', a picture of 28x28 normalised numbers, and this one has {sorted(row)}")
