#!/usr/bin/env bash
# bash tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# One process a GPU; on a machine without a GPU the processes share the CPU (gloo).
# Several machines: set NNODES, NODE_RANK and MASTER_ADDR on each. PORT changes the port (29500).
set -eu
if [ $# -lt 2 ]; then sed -n 2,4p "$0" >&2; exit 2; fi

config=$1
processes=$2
shift 2
exec python "$(dirname "$0")/launch.py" \
  --nnodes="${NNODES:-1}" \
  --node_rank="${NODE_RANK:-0}" \
  --nproc_per_node="$processes" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${PORT:-29500}" \
  "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
