# deft_mm with the stock OpenMMLab stack, to be started in a folder that has images:
#   docker build -t deft_mm .
#   docker run --rm -v "$PWD/images:/data:ro" -v "$PWD/work_dirs:/deft_mm/work_dirs" deft_mm \
#       python tools/clean.py /data --clip tiny
FROM python:3.11-slim

# OpenCV, which MMCV needs, loads these.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /deft_mm
COPY . .
RUN pip install --no-cache-dir -e ".[openmmlab]"

CMD ["python", "tools/train.py", "configs/deft/deft_digits_sym40.py"]
