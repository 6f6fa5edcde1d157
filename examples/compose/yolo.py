#!/usr/bin/env python3
"""Trains a small detection head with the sum of three losses in yolo.yaml, and with PyTorch's."""

import torch
import torch.nn.functional as F
import torchvision.ops as tv

from training import compare

ANCHORS, CLASSES, FEATURES = 256, 5, 24


def make_model():
    return torch.nn.Sequential(torch.nn.Linear(FEATURES, 64), torch.nn.SiLU(), torch.nn.Linear(64, 4 + CLASSES + 1))


def batch():
    """Features of anchors, and which of them have an object, where and of which class."""
    world = torch.Generator().manual_seed(1)
    mixing = torch.randn(6, FEATURES, generator=world)
    hidden = torch.randn(ANCHORS, 6)
    present = hidden[:, 5] > 1
    center, size = hidden[:, :2], hidden[:, 2:4].mul(0.3).exp()
    boxes = torch.cat([center - size / 2, center + size / 2], 1)
    label = (hidden[:, 4].sigmoid() * CLASSES).long().clamp(max=CLASSES - 1)
    return hidden @ mixing, present, boxes, F.one_hot(label, CLASSES).to(boxes.dtype)


def heads(model, features):
    out = model(features)
    center, size = out[:, :2], out[:, 2:4].clamp(-4, 4).exp()
    return torch.cat([center - size / 2, center + size / 2], 1), out[:, 4:-1], out[:, -1]


def main():
    def with_file(criterion, model):
        features, present, boxes, classes = batch()
        box, cls, obj = heads(model, features)
        return criterion(box_boxes1=box, box_boxes2=boxes, box_mask=present, cls_input=cls, cls_target=classes,
                         cls_mask=present[:, None], obj_input=obj, obj_target=present.to(obj.dtype))

    def with_torch(model):
        features, present, boxes, classes = batch()
        box, cls, obj = heads(model, features)
        box_loss = tv.complete_box_iou_loss(box[present], boxes[present], reduction="mean")
        cls_loss = F.binary_cross_entropy_with_logits(cls[present], classes[present])
        obj_loss = tv.sigmoid_focal_loss(obj, present.to(obj.dtype), gamma=1.5, reduction="mean")
        return 7.5 * box_loss + 0.5 * cls_loss + obj_loss

    compare("yolo", make_model, with_file, with_torch)


if __name__ == "__main__":
    main()
