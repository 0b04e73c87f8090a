"""What the notes of an exported graph say, beyond what the configs of the repository have."""

from types import SimpleNamespace

import pytest
import torch
from mmpretrain.models import ClsDataPreprocessor

from deft_mm.deployment import graph_notes


@pytest.mark.parametrize('divisor', [1, 32])
def test_padding_is_a_step_after_normalisation(divisor):
    options = dict(mean=[1.0, 2.0, 3.0], std=[2.0, 2.0, 2.0], pad_size_divisor=divisor, pad_value=7)
    image = torch.zeros(3, 40, 50, dtype=torch.uint8)
    padded = ClsDataPreprocessor(**options)(dict(inputs=[image]), False)['inputs']
    found = SimpleNamespace(
        preprocessor=options, transforms=[dict(type='PackInputs')], class_names=['a']
    )
    notes = graph_notes(found, padded, ['probs'])
    steps = [step['step'] for step in notes['preprocessing']]
    if divisor == 1:
        assert steps == ['channels', 'normalize', 'layout']
        return
    assert steps == ['channels', 'normalize', 'pad', 'layout']
    pad = notes['preprocessing'][2]
    assert notes['input']['shape'] == ['batch', 3, 64, 64] and pad['divisor'] == 32
    assert (padded[0, :, 40:] == pad['value']).all() and (
        padded[0, :, :, 50:] == pad['value']
    ).all()
