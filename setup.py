"""Packaging of deft_mm."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def read_version() -> str:
    """Return the version without importing the package, which needs its dependencies."""
    namespace: dict = {}
    exec((ROOT / 'deft_mm' / 'version.py').read_text(encoding='utf-8'), namespace)
    return namespace['__version__']


def read_requirements(name: str) -> list[str]:
    """Return the requirements listed in ``requirements/<name>.txt``."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


setup(
    name='deft_mm',
    version=read_version(),
    description='Learning with noisy labels in MMPretrain: DeFT finds clean samples with CLIP',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The deft_mm authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='noisy labels, CLIP, image classification, OpenMMLab, MMPretrain',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['deft_mm', 'deft_mm.*']),
    package_data={'deft_mm': ['assets/**/*']},
    python_requires='>=3.10,<3.13',
    install_requires=read_requirements('runtime'),
    extras_require={name: read_requirements(name) for name in ('openmmlab', 'onedl', 'tests')},
    zip_safe=False,
)
