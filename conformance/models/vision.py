"""Networks of layers, small, with random weights: pictures, sound, and words in turn."""

import torch
from nets import Net, Spec
from torch import nn


class UNet(nn.Module):
    """Three levels: BatchNorm and GroupNorm, one transposed convolution and one Resize."""

    def __init__(self):
        super().__init__()

        def block(i, o, norm):
            act = nn.ReLU() if norm == "batch" else nn.SiLU()
            each = lambda: nn.BatchNorm2d(o) if norm == "batch" else nn.GroupNorm(4, o)
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), each(), act, nn.Conv2d(o, o, 3, padding=1), each(), act)

        self.down1, self.down2, self.bottom = block(3, 8, "batch"), block(8, 16, "group"), block(16, 32, "batch")
        self.pool, self.up1 = nn.MaxPool2d(2), nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.join1, self.up2 = block(32, 16, "group"), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.join2, self.head = block(24, 8, "batch"), nn.Conv2d(8, 4, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(self.pool(a))
        c = self.up1(self.bottom(self.pool(b)))
        d = self.up2(self.join1(torch.cat([b, c], 1)))
        return self.head(self.join2(torch.cat([a, d], 1)))


class Recurrent(nn.Module):
    """A classifier of sequences of words."""

    def __init__(self, layer, **options):
        super().__init__()
        self.words, self.layer = nn.Embedding(100, 32), layer(32, 48, batch_first=True, **options)
        self.head = nn.Linear(96 if options.get("bidirectional") else 48, 5)

    def forward(self, x):
        return self.head(self.layer(self.words(x))[0].mean(1))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Dropout(0.0), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def audio():
    return nn.Sequential(nn.Conv1d(1, 16, 80, stride=4), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(16, 32, 3, padding=2, dilation=2, groups=4),
                         nn.LeakyReLU(0.1), nn.InstanceNorm1d(32, affine=True), nn.Conv1d(32, 32, 3, padding=1, groups=32), nn.ELU(),
                         nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 6), nn.LogSoftmax(1))


def named(name, **options):
    """A model of torchvision."""
    def make():
        import torchvision
        return getattr(torchvision.models, name)(weights=None, num_classes=10, **options)
    return make


def vgg():
    net = named("vgg11_bn")()
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    net.classifier = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.0), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    return net


def densenet():
    import torchvision
    return torchvision.models.DenseNet(8, (2, 2), 16, num_classes=10)


def convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt
    return ConvNeXt([CNBlockConfig(24, 48, 1), CNBlockConfig(48, 96, 1), CNBlockConfig(96, None, 2)], num_classes=10)


def swin():
    import torchvision
    return torchvision.models.SwinTransformer([4, 4], 24, [2, 2], [2, 2], [4, 4], stochastic_depth_prob=0.0, num_classes=10)


def vit():
    import torchvision
    return torchvision.models.VisionTransformer(64, 16, 2, 4, 64, 128, num_classes=10)


class Segmentation(nn.Module):
    def __init__(self):
        super().__init__()
        import torchvision
        self.net = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4)

    def forward(self, x):
        return self.net(x)["out"]


def spec(make, *shape):
    """A network of inputs of a shape; of words where it has one size alone."""
    def made():
        net = make()
        for module in net.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # as after training
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        x = torch.randn(2, *shape) if len(shape) > 1 else torch.randint(1, 100, (2, *shape))
        return Net(net, {"input": x}, ["batch"])
    return Spec(made)


PICTURE = (3, 64, 64)
NETS = {
    "lenet": spec(lenet, 1, 28, 28), "audio": spec(audio, 1, 1600), "unet": spec(UNet, 3, 32, 32),
    "lstm": spec(lambda: Recurrent(nn.LSTM, num_layers=2), 12), "bilstm": spec(lambda: Recurrent(nn.LSTM, bidirectional=True), 12),
    "gru": spec(lambda: Recurrent(nn.GRU), 12), "resnet18": spec(named("resnet18"), *PICTURE), "mobilenet": spec(named("mobilenet_v3_small"), *PICTURE),
    "efficientnet": spec(named("efficientnet_b0", stochastic_depth_prob=0.0), *PICTURE), "shufflenet": spec(named("shufflenet_v2_x0_5"), *PICTURE),
    "squeezenet": spec(named("squeezenet1_1"), *PICTURE), "googlenet": spec(named("googlenet", aux_logits=False, init_weights=False), *PICTURE),
    "vgg": spec(vgg, *PICTURE), "densenet": spec(densenet, *PICTURE), "convnext": spec(convnext, *PICTURE), "swin": spec(swin, *PICTURE),
    "vit": spec(vit, *PICTURE), "lraspp": spec(Segmentation, *PICTURE),
}
