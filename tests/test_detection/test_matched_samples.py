"""The samples of some classes, under new labels."""

import numpy as np
from mmengine.registry import DefaultScope

from deft_mm.datasets import NoisyLabelDataset, given_labels_of
from deft_mm.detection.matched_samples import MatchedSamples
from runner_utils import MadeUpImages


def test_samples_of_the_classes_have_their_place_among_them_as_label():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        images = MadeUpImages(4, 12, pipeline=[dict(type='PackInputs')])
        dataset = NoisyLabelDataset(images, noise=dict(type='SymmetricNoise', ratio=0.5, seed=0))
        samples = MatchedSamples(dataset, np.array([3, 0]))
        labels = [int(samples[i]['data_samples'].gt_label) for i in range(len(samples))]
    chosen = [i for i, label in enumerate(dataset.given_labels) if label in (3, 0)]
    assert samples.indices.tolist() == chosen and 0 < len(chosen) < 12
    assert labels == [[3, 0].index(dataset.given_labels[i]) for i in chosen]
    assert given_labels_of(samples).tolist() == labels
    # True labels may be of other classes.
    assert samples.clean_labels is None
    np.testing.assert_array_equal(
        samples.get_data_info(1)['img'], images.get_data_info(chosen[1])['img']
    )
