from deft_mm.models.peft.adapt_former import AdaptFormer
from deft_mm.models.peft.adapter import Adapter
from deft_mm.models.peft.bit_fit import BitFit
from deft_mm.models.peft.full_fine_tune import FullFineTune
from deft_mm.models.peft.lora import LoRA
from deft_mm.models.peft.peft_method import PEFTMethod, attach_peft, known_methods
from deft_mm.models.peft.ssf import SSF
from deft_mm.models.peft.vpt import VPT

__all__ = [
    'SSF',
    'VPT',
    'AdaptFormer',
    'Adapter',
    'BitFit',
    'FullFineTune',
    'LoRA',
    'PEFTMethod',
    'attach_peft',
    'known_methods',
]
