import pytest
import torch

from deft_mm.models.necks import ClassTokenNeck


def test_takes_the_first_token_of_every_entry():
    tokens_BTD = torch.randn(2, 5, 3)
    one, two = ClassTokenNeck()((tokens_BTD, tokens_BTD + 1))
    assert torch.equal(one, tokens_BTD[:, 0]) and torch.equal(two, tokens_BTD[:, 0] + 1)


def test_feature_maps_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 3, 7, 7\).*GlobalAveragePooling'):
        ClassTokenNeck()((torch.zeros(2, 3, 7, 7),))
