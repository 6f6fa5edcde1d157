#!/usr/bin/env python3
"""Trains a model with a depth and a segmentation head, weighted by learned variances as in
depth_seg.yaml, and with PyTorch's losses."""

import torch
import torch.nn.functional as F

from training import compare

CLASSES = 3


class TwoHeads(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torch.nn.Sequential(
            torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(12, 12, 3, padding=1), torch.nn.ReLU())
        self.depth = torch.nn.Conv2d(12, 1, 1)
        self.seg = torch.nn.Conv2d(12, CLASSES, 1)
        self.log_vars = torch.nn.Parameter(torch.zeros(2))

    def forward(self, x):
        x = self.trunk(x)
        return self.depth(x), self.seg(x)


def batch():
    """Images of a sloping floor with a wall; depth is missing for a third of the pixels and
    for all of the last image, labels are unknown (255) along the border."""
    image = torch.rand(4, 3, 16, 16)
    depth = image.mean(1, keepdim=True) * 2 + torch.linspace(0, 1, 16)[:, None]
    known = torch.rand(depth.shape) > 1 / 3
    known[3] = False
    labels = image.argmax(1)
    labels[:, 0] = labels[:, :, 0] = 255
    return image, depth, known, labels


def main():
    def with_file(criterion, model):
        image, depth, known, labels = batch()
        d, s = model(image)
        return criterion(depth_input=d, depth_target=depth, depth_mask=known, seg_input=s, seg_target=labels,
                         log_vars=model.log_vars)

    def with_torch(model):
        image, depth, known, labels = batch()
        d, s = model(image)
        depth_loss = F.huber_loss(d[known], depth[known], delta=0.5)
        seg_loss = F.cross_entropy(s, labels, ignore_index=255, label_smoothing=0.05)
        weight = torch.exp(-model.log_vars)
        return 0.5 * weight[0] * depth_loss + weight[1] * seg_loss + 0.5 * model.log_vars.sum()

    compare("depth_seg", TwoHeads, with_file, with_torch)


if __name__ == "__main__":
    main()
