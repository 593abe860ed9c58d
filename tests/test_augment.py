"""SimCLR augmentation, against torchvision image by image."""

from dataclasses import fields, replace
from itertools import permutations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hcl.augment import Augmentation, apply, draw, simclr_view

SIZES = [(32, 32), (64, 64), (24, 40)]
NEUTRAL = torch.tensor([1.0, 1, 1, 0])
TOLERANCE = {"rtol": 0, "atol": 1e-5}  # 5.2e-6 was the largest difference of 3,600 images


@pytest.fixture(scope="module")
def tv():
    """Imported where it is used: it takes seconds."""
    from torchvision.transforms.v2 import functional

    return functional


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(count=16, height=32, width=32, seed=0):
    return torch.randint(0, 256, (count, 3, height, width), generator=seeded(seed), dtype=torch.uint8)


def colours():
    """One image of every mixture of 0, 1, 128 and 255: black, white, greys, primaries and ties of two channels."""
    levels = torch.tensor([0, 1, 128, 255], dtype=torch.uint8)
    return torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 8, 8)


def plain(count, height=32, width=32, **changes):
    """The augmentation that changes nothing, but for the attributes given, one row or value for all images."""
    nothing = {
        "box": [0.0, 0.0, height, width], "flip": False, "factors": NEUTRAL, "order": [0, 1, 2, 3],
        "grey": False, "sigma": 0.0,
    }  # fmt: skip
    rows = {name: torch.as_tensor(value) for name, value in (nothing | changes).items()}
    return Augmentation(**{name: row.expand(count, *row.shape) for name, row in rows.items()})


def part(augmentation, rows):
    return Augmentation(**{field.name: getattr(augmentation, field.name)[rows] for field in fields(augmentation)})


def reference(tv, image, augmentation, index):
    """One image, a float tensor or a PIL image (which torchvision cannot blur), through torchvision."""
    row = part(augmentation, index)
    height, width = tv.get_size(image)
    image = tv.resized_crop(image, *row.box.int().tolist(), size=[height, width])
    if row.flip:
        image = tv.horizontal_flip(image)
    steps = [tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue]
    # RandomApply: an image that is not jittered does not go through 8-bit HSV
    for kind in row.order.tolist() if (row.factors != NEUTRAL).any() else []:
        image = steps[kind](image, float(row.factors[kind]))
    if row.grey:
        image = tv.rgb_to_grayscale(image, 3)
    if row.sigma > 0:
        image = tv.gaussian_blur(image, [3, 3], [float(row.sigma)] * 2)
    return image


def check(tv, images, augmentation):
    expected = [reference(tv, image / 255, augmentation, i) for i, image in enumerate(images)]
    torch.testing.assert_close(apply(images, augmentation), torch.stack(expected), **TOLERANCE)


# Each step


def test_nothing_drawn_is_the_image_over_255_bitwise():
    for height, width in SIZES:
        images = noise(4, height, width)
        assert apply(images, plain(4, height, width)).equal(images / 255)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_crop_and_flip(tv, height, width):
    drawn = draw(50, height, width, generator=seeded(1))
    check(tv, noise(50, height, width), replace(plain(50, height, width), box=drawn.box, flip=drawn.flip))


@pytest.mark.parametrize("box", [(0.0, 0, 1, 1), (5.0, 7, 1, 32 - 7), (31.0, 31, 1, 1), (3.0, 0, 29, 2)])
def test_extreme_crops(tv, box):
    check(tv, noise(2), plain(2, box=box))


def test_crop_does_not_read_outside_its_box():
    """As grid_sample would."""
    images, others = noise(2, seed=1), noise(2, seed=2)
    others[:, :, 4:13, 9:30] = images[:, :, 4:13, 9:30]
    crop = plain(2, box=[4.0, 9, 9, 21])
    assert apply(images, crop).equal(apply(others, crop))
    others[:, :, 12, 29] ^= 255
    assert not apply(images, crop).equal(apply(others, crop))


def test_flip_mirrors_the_crop():
    images = noise()
    crop = replace(plain(16), box=draw(16, 32, 32, generator=seeded()).box)
    mirrored = apply(images, replace(crop, flip=torch.ones(16, dtype=torch.bool)))
    torch.testing.assert_close(mirrored, apply(images, crop).flip(3), **TOLERANCE)


@pytest.mark.parametrize("images", [noise(2, 8, 8), colours()], ids=["noise", "colours"])
@pytest.mark.parametrize(
    "factors",
    [
        (0.6, 1, 1, 0), (1.4, 1, 1, 0), (1, 0.6, 1, 0), (1, 1.4, 1, 0), (1, 1, 0.6, 0), (1, 1, 1.4, 0),
        (1, 1, 1, -0.1), (1, 1, 1, 0.1), (1, 1, 1, 0.37), (1, 1, 1, -0.5),
    ],
)  # fmt: skip
def test_each_factor(tv, images, factors):
    check(tv, images, plain(len(images), 8, 8, factors=[float(f) for f in factors]))


def test_all_orders(tv):
    """One image in the 24 orders, which give 24 results."""
    images, orders = noise(1).expand(24, -1, -1, -1), torch.tensor(list(permutations(range(4))))
    jitter = replace(plain(24, factors=[1.4, 1.3, 1.35, 0.08]), order=orders)
    check(tv, images, jitter)
    y = apply(images, jitter)
    distances = (y[:, None] - y).abs().amax((2, 3, 4)).fill_diagonal_(1)
    assert distances.min() > 0.01


def test_order_does_not_matter_to_an_image_that_is_not_jittered():
    images = noise(24)
    orders = torch.tensor(list(permutations(range(4))))
    assert apply(images, replace(plain(24), order=orders)).equal(images / 255)


@pytest.mark.parametrize("images", [noise(2, 8, 8), colours()], ids=["noise", "colours"])
def test_grey(tv, images):
    check(tv, images, plain(len(images), 8, 8, grey=True))


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0, 2.0])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40), (2, 3)])
def test_blur(tv, height, width, sigma):
    check(tv, noise(2, height, width), plain(2, height, width, sigma=sigma))


def test_blur_of_a_point_in_the_corner():
    """Weights exp(-x^2 / 2 sigma^2) by axis; the border is reflected without its edge pixel."""
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    images[:, :, 1, 1] = 255
    t = torch.tensor(-1 / (2 * 0.8**2)).exp()
    centre, side = 1 / (1 + 2 * t), t / (1 + 2 * t)
    axis = torch.tensor([2 * side, centre, side, 0])
    y = apply(images, plain(1, 8, 8, sigma=0.8))
    torch.testing.assert_close(y[0, 0, :4, :4], axis[:, None] * axis)


# The whole


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_views_are_those_of_torchvision(tv, height, width):
    drawn = draw(100, height, width, generator=seeded(2))
    assert drawn.grey.any() and (drawn.sigma > 0).any() and (drawn.factors[:, 3] != 0).any()
    check(tv, noise(100, height, width), drawn)


@pytest.mark.parametrize(("jitter", "most", "mean"), [(False, 1.01, 0.32), (True, 27, 1.6)])
def test_views_are_near_those_of_the_8_bit_pipeline(tv, jitter, most, mean):
    """In levels of 255; measured 1.0001 and .30 for crops, 24.8 and 1.3 with colours, for noise as for smooth images.

    The float formulas of torchvision are as far from its 8 bits, which round after each step and hold hue in 256
    values.
    """
    images = noise(100)
    drawn = replace(draw(100, 32, 32, generator=seeded(3)), sigma=torch.zeros(100))
    if not jitter:
        drawn = replace(plain(100), box=drawn.box, flip=drawn.flip)
    eight_bit = [reference(tv, tv.to_pil_image(image), drawn, i) for i, image in enumerate(images)]
    difference = (apply(images, drawn) * 255 - torch.stack([tv.pil_to_tensor(image) for image in eight_bit])).abs()
    assert difference.max() < most and difference.mean() < mean


@pytest.mark.parametrize("images", [noise(512), colours().expand(512, -1, -1, -1)], ids=["noise", "colours"])
def test_views_are_float32_in_0_1(images):
    views = simclr_view(images, generator=seeded())
    assert views.shape == images.shape and views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 1


def test_a_seed_determines_the_views_and_leaves_the_global_generator_alone():
    images, before = noise(), torch.get_rng_state()
    views = simclr_view(images, generator=seeded(1))
    assert views.equal(simclr_view(images, generator=seeded(1)))
    assert not views.equal(simclr_view(images, generator=seeded(2)))
    assert torch.get_rng_state().equal(before)


def test_two_views_from_one_generator_differ():
    images, generator = noise(), seeded()
    first, second = (simclr_view(images, generator=generator) for _ in range(2))
    assert ((first - second).abs().amax((1, 2, 3)) > 0.1).all()


def test_a_view_does_not_depend_on_the_batch_it_is_in():
    images, drawn = noise(40), draw(40, 32, 32, generator=seeded())
    whole = apply(images, drawn)
    for rows in (slice(0, 1), slice(7, 20), torch.randperm(40, generator=seeded())):
        torch.testing.assert_close(apply(images[rows], part(drawn, rows)), whole[rows], rtol=0, atol=1e-6)


def test_autocast_does_not_reach_the_images():
    images, drawn = noise(), draw(16, 32, 32, generator=seeded())
    with torch.autocast("cpu", torch.bfloat16):
        inside = apply(images, drawn)
    assert inside.equal(apply(images, drawn))


def test_bad_images_are_refused():
    for images in (noise().float(), noise()[0], noise()[:, :1]):
        with pytest.raises(ValueError, match=r"\(n, 3, h, w\) uint8"):
            apply(images, plain(16))


# The law of the parameters

COUNT = 20_000


@pytest.fixture(scope="module")
def drawn():
    return draw(COUNT, 32, 32, generator=seeded(5))


def distance(a, b):
    """Kolmogorov-Smirnov statistic of two samples."""
    a, b, both = a.sort().values, b.sort().values, torch.cat([a, b])
    cdf = [torch.searchsorted(x, both, right=True) / len(x) for x in (a, b)]
    return float((cdf[0] - cdf[1]).abs().max())


def assert_uniform(x, low, high):
    assert low <= x.min() and x.max() <= high
    assert distance(x.double(), torch.linspace(low, high, 100_001, dtype=torch.float64)) < 1.95 / len(x) ** 0.5


@pytest.mark.parametrize(("height", "width"), [(32, 32), (8, 40), (40, 8), (3, 4)])
def test_boxes_have_the_law_of_torchvision(height, width):
    """Two-sample tests at level .001; (8, 40) and (40, 8) fall back on the central box in a tenth of the cases."""
    from torchvision.transforms import RandomResizedCrop

    ours = draw(COUNT, height, width, generator=seeded(6)).box
    image, transform = torch.empty(3, height, width), RandomResizedCrop((height, width))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        theirs = [transform.get_params(image, transform.scale, transform.ratio) for _ in range(2000)]
    theirs = torch.tensor(theirs, dtype=torch.float32)
    bound = 1.95 * (1 / len(ours) + 1 / len(theirs)) ** 0.5
    for measure in (
        lambda b: b[:, 0], lambda b: b[:, 1], lambda b: b[:, 2], lambda b: b[:, 3], lambda b: b[:, 2] * b[:, 3],
        lambda b: b[:, 3] / b[:, 2], lambda b: b[:, 0] - (height - b[:, 2]) / 2, lambda b: b[:, 1] + b[:, 3],
        lambda b: (2 * b[:, 0] + b[:, 2] - height) * (2 * b[:, 1] + b[:, 3] - width),
    ):  # fmt: skip
        assert distance(measure(ours), measure(theirs)) < bound


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_boxes_are_whole_inside_the_image_and_of_allowed_shape(height, width):
    box = draw(COUNT, height, width, generator=seeded()).box
    assert box.equal(box.round())
    top, left, h, w = box.unbind(1)
    assert (h >= 1).all() and (w >= 1).all() and (top >= 0).all() and (left >= 0).all()
    assert (top + h <= height).all() and (left + w <= width).all()
    # the sides are rounded by up to half a pixel
    assert ((w - 0.5) / (h + 0.5) <= 4 / 3).all() and ((w + 0.5) / (h - 0.5) >= 3 / 4).all()
    assert ((w + 0.5) * (h + 0.5) >= 0.08 * height * width).all()
    assert h.max() >= min(height, round(width * 4 / 3)) and w.max() >= min(width, round(height * 4 / 3))
    assert top.min() == left.min() == 0 and (top + h).max() == height and (left + w).max() == width


@pytest.mark.parametrize(("height", "width", "central"), [(8, 40, (0, 14, 8, 11)), (40, 8, (14, 0, 11, 8))])
def test_an_image_no_attempt_fits_gets_the_central_box(monkeypatch, height, width, central):
    """RandomResizedCrop.get_params."""
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.full(shape, 0.999))
    assert draw(2, height, width, generator=seeded()).box.tolist() == [list(central)] * 2


@pytest.mark.parametrize(
    ("name", "probability"), [("flip", 0.5), ("jitter", 0.8), ("grey", 0.2), ("blur", 0.5), ("jitter and blur", 0.4)]
)
def test_probabilities(drawn, name, probability):
    happened = {
        "flip": drawn.flip, "jitter": (drawn.factors[:, :3] != 1).all(1), "grey": drawn.grey, "blur": drawn.sigma > 0,
        "jitter and blur": (drawn.factors[:, 3] != 0) & (drawn.sigma > 0),
    }[name]  # fmt: skip
    error = (probability * (1 - probability) / COUNT) ** 0.5
    assert abs(float(happened.float().mean()) - probability) < 4 * error


def test_factors_and_sigma_are_uniform(drawn):
    jittered = drawn.factors[drawn.factors[:, 3] != 0]
    assert (drawn.factors[drawn.factors[:, 3] == 0] == NEUTRAL).all()
    for column in range(3):
        assert_uniform(jittered[:, column], 0.6 - 1e-6, 1.4 + 1e-6)
    assert_uniform(jittered[:, 3], -0.1 - 1e-6, 0.1 + 1e-6)
    assert_uniform(drawn.sigma[drawn.sigma > 0], 0.1 - 1e-6, 2 + 1e-6)


def test_parameters_are_independent_of_each_other_and_of_the_neighbour(drawn):
    jittered = part(drawn, drawn.factors[:, 3] != 0)
    groups = [jittered.box, jittered.order, *jittered.factors.T, jittered.flip, jittered.grey, jittered.sigma]
    groups = [group.float().reshape(len(jittered.grey), -1) for group in groups]
    groups += [group.roll(1, 0) for group in groups]
    correlations = torch.cat(groups, dim=1).T.corrcoef()
    # the numbers of a box depend on each other, as do those of an order
    owner = torch.repeat_interleave(torch.tensor([group.shape[1] for group in groups]))
    assert correlations[owner[:, None] != owner].abs().max() < 4.5 / len(jittered.grey) ** 0.5


def test_orders_are_uniform_permutations(drawn):
    assert drawn.order.sort(dim=1).values.equal(torch.arange(4).expand(COUNT, 4))
    codes = (drawn.order * torch.tensor([64, 16, 4, 1])).sum(1)
    counts = codes.unique(return_counts=True)[1]
    assert len(counts) == 24
    assert float(((counts - COUNT / 24) ** 2 / (COUNT / 24)).sum()) < 49.7  # level .001 of chi^2 with 23


def test_each_image_has_parameters_of_its_own():
    drawn = draw(64, 32, 32, generator=seeded())
    assert len(drawn.factors[drawn.factors[:, 3] != 0].unique(dim=0)) == (drawn.factors[:, 3] != 0).sum()
    assert len(drawn.box.unique(dim=0)) > 60
    images = noise(1).expand(64, -1, -1, -1)
    views = apply(images, drawn)
    assert ((views[:, None] - views).abs().amax((2, 3, 4)).fill_diagonal_(1) > 0.01).all()


# Graphs


class Capturable(TorchDispatchMode):
    """Refuses what a CUDA graph cannot capture: waits for a value, shapes that depend on data, and host tensors."""

    refused = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "lift_fresh", "equal", "unique")

    def __init__(self, device):
        super().__init__()
        self.device = torch.device(device)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert not name.startswith(self.refused), f"{name} waits for the device or copies from the host"
        if name in ("index", "index_put"):
            assert all(i is None or i.dtype != torch.bool for i in args[1]), "boolean indexing"
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, out)):
            if isinstance(tensor, torch.Tensor):
                assert tensor.device.type == self.device.type, f"{name} touches {tensor.device}"
        return out


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: x + torch.tensor([1.0, 2, 3]),
        lambda x: 1 if x.max() > 0 else 0, lambda x: x[torch.arange(3).lt(2)], lambda x: x.nonzero(),
        lambda x: x.to("meta"),
    ],
)  # fmt: skip
def test_the_check_of_capture_refuses_what_cannot_be_captured(step):
    x = torch.ones(3)
    with Capturable("cpu"), pytest.raises(AssertionError):
        step(x)


def test_views_can_be_captured():
    images, generator = noise(), seeded()
    with Capturable("cpu"):
        simclr_view(images, generator=generator)


def test_views_of_a_gpu_can_be_captured(monkeypatch):
    """On tensors without data, so that no GPU is needed: nothing is made on the host on the way."""
    rand = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *shape, generator, device: rand(*shape, device="cuda"))
    with FakeTensorMode():
        images = torch.empty(8, 3, 32, 32, dtype=torch.uint8, device="cuda")
        with Capturable("cuda"):
            views = simclr_view(images, generator=seeded())
    assert views.shape == images.shape and views.device.type == "cuda"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_views_in_a_cuda_graph_are_new_at_each_replay_and_those_of_the_seed():
    images, generator = noise().cuda(), torch.Generator("cuda").manual_seed(1)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        simclr_view(images, generator=generator)
    side.synchronize()
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        captured = simclr_view(images, generator=generator)
    generator.manual_seed(2)
    replays = [graph.replay() or captured.clone() for _ in range(2)]
    again = torch.Generator("cuda").manual_seed(2)
    for views in replays:
        torch.testing.assert_close(views, simclr_view(images, generator=again), rtol=0, atol=1e-6)
    assert ((replays[0] - replays[1]).abs().amax((1, 2, 3)) > 0.1).all()


def test_apply_compiles_to_one_graph():
    images, drawn = noise(), draw(16, 32, 32, generator=seeded())
    compiled = torch.compile(apply, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(images, drawn), apply(images, drawn), rtol=0, atol=1e-6)
