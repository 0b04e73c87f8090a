"""Features that are passed to a model in place of images."""

from __future__ import annotations

from mmengine.model import BaseDataPreprocessor
from torch import Tensor


class FeatureInputs(BaseDataPreprocessor):
    """Move features to the device, and prepare images as another data preprocessor does.

    A backbone of a CLIP hands features on as they are.

    Args:
        images (BaseDataPreprocessor): What prepares images.
    """

    def __init__(self, images: BaseDataPreprocessor) -> None:
        super().__init__()
        self.images = images
        self._device = images.device

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs``, a tensor of features (B, E) or whatever ``images`` takes, and
                ``data_samples``.
            training (bool): Whether the model trains. Defaults to False.

        Returns:
            dict: The same, prepared.
        """
        if isinstance(data['inputs'], Tensor) and data['inputs'].dim() == 2:
            return self.cast_data(data)
        return self.images(data, training)
