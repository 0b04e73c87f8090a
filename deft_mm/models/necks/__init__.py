"""Necks: between a backbone and a head."""

from .class_token_neck import ClassTokenNeck

__all__ = ['ClassTokenNeck']
