# Cross entropy on your own images, whose labels may be wrong: what a method has to beat there.
#   python tools/train.py configs/ce/ce_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../_base_/datasets/folder.py', '../_base_/methods/ce.py']

model = dict(head=dict(num_classes=None))  # taken from the data
# what is wrong with the files: in the log, and in data_report.csv
default_hooks = dict(data_report=dict(type='DataReportHook'))
