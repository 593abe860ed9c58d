"""Encoders and feature normalisations."""

import pytest
import torch

from hcl.models import Encoder, build, mlp, resnet50, scaled, small_resnet, unit_ball, unit_sphere

IMAGE = (3, 8, 8)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def small(seed=0, name="mlp", **changes):
    options = {"image_shape": IMAGE, "stem": "cifar", "normalization": "unit_ball", "seed": seed} | changes
    return build(name, 4, **options)


# Normalisations


def test_unit_ball_leaves_the_inside_alone_and_moves_the_outside_onto_the_sphere():
    """Algorithm 1, lines 5 to 10."""
    f = torch.tensor([[0.3, -0.2], [0.6, 0.8], [3.0, 4.0]])
    assert unit_ball(f)[:2].equal(f[:2])
    torch.testing.assert_close(unit_ball(f)[2], torch.tensor([0.6, 0.8]))


def test_unit_sphere_normalises_everything_but_zero():
    f = torch.cat([normal(5, 3) * 1e-3, normal(5, 3) * 1e3, torch.zeros(1, 3)])
    torch.testing.assert_close(unit_sphere(f).norm(dim=1), torch.tensor([1.0] * 10 + [0.0]))
    torch.testing.assert_close(unit_sphere(f)[0], f[0] / f[0].norm())


def test_no_normalisation_divides_by_the_root_of_d():
    """Line 14, D27."""
    f = normal(5, 9)
    torch.testing.assert_close(scaled(f), f / 3)


@pytest.mark.parametrize("normalization", [unit_ball, unit_sphere, scaled])
def test_zero_vectors_have_zero_value_and_finite_gradient(normalization):
    f = torch.zeros(2, 3, requires_grad=True)
    value = normalization(f)
    (value * torch.tensor([1.0, 2, 3])).sum().backward()
    assert value.eq(0).all() and f.grad.isfinite().all()


def test_unit_ball_has_the_gradient_of_the_identity_inside_and_none_along_the_ray_outside():
    f = torch.tensor([[0.3, 0.4], [3.0, 4.0]], requires_grad=True)
    (unit_ball(f) * f.detach()).sum().backward()
    torch.testing.assert_close(f.grad, torch.tensor([[0.3, 0.4], [0.0, 0.0]]))


def by_loop(name, row):
    """Return a normalised row, in Python's floats."""
    norm = sum(x * x for x in row) ** 0.5
    divisor = {"unit_ball": max(norm, 1.0), "unit_sphere": norm or 1.0, "scaled": len(row) ** 0.5}[name]
    return [x / divisor for x in row]


NORMALISERS = {"unit_ball": unit_ball, "unit_sphere": unit_sphere, "scaled": scaled}
ROWS = [
    [0.0, 0.0, 0.0], [3e-5, 0.0, -4e-5], [0.25, -0.5, 0.125], [3.0, -4.0, 12.0], [300.0, 400.0, 0.0],
    [6e4, -6e4, 3e4],
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", NORMALISERS)
def test_every_precision_is_normalised_rightly(name, dtype):
    """From zero to the largest numbers of half precision, whose squares it does not hold; float32 comes out."""
    f = torch.tensor(ROWS).to(dtype)
    expected = torch.tensor([by_loop(name, row) for row in f.tolist()], dtype=torch.float64)
    result = NORMALISERS[name](f)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(result.double(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("lower", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", NORMALISERS)
def test_autocast_changes_no_normalisation(name, dtype, lower):
    f = torch.tensor(ROWS).to(dtype)
    with torch.autocast("cpu", lower):
        assert NORMALISERS[name](f).equal(NORMALISERS[name](f.clone()))
        result = NORMALISERS[name](f)
    assert result.equal(NORMALISERS[name](f)) and result.dtype == NORMALISERS[name](f).dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NORMALISERS)
def test_half_precision_has_the_gradient_of_float32(name, dtype):
    f = torch.tensor(ROWS).to(dtype).requires_grad_()
    whole = f.detach().float().requires_grad_()
    for x in (f, whole):
        (NORMALISERS[name](x) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    finite = f.grad.isfinite()  # the slope of the sphere at 0 is beyond float16
    assert f.grad.dtype == dtype and finite[2:].all() and f.grad[finite].equal(whole.grad.to(dtype)[finite])


# Encoders


@pytest.mark.parametrize("normalization", ["unit_ball", "unit_sphere", "none"])
@pytest.mark.parametrize("make", [small_resnet, lambda dim, **kw: mlp(dim, inputs=192, **kw)])
def test_small_encoders_return_normalised_float32(make, normalization):
    model = make(5, normalization=normalization)
    z = model(10 * normal(6, *IMAGE))
    assert z.shape == (6, 5) and z.dtype == torch.float32
    norms = z.norm(dim=1)
    if normalization == "unit_ball":
        assert (norms <= 1 + 1e-6).all()
    elif normalization == "unit_sphere":
        torch.testing.assert_close(norms, torch.ones(6))


def test_head_is_that_of_the_official_code():
    """D21: width-512 (no bias)-BN-ReLU-d."""
    head = Encoder(torch.nn.Identity(), 7, 3).head
    assert [type(layer).__name__ for layer in head] == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert parameters(head) == 7 * 512 + 2 * 512 + 512 * 3 + 3


def test_resnet50_with_head_has_24_6_million_parameters():
    """ResNet-50 without its classifier has 23,508,032; the CIFAR stem 7,680 fewer; the head for d=99 1,100,387."""
    assert parameters(resnet50(99)) == 23_508_032 - 7_680 + 1_100_387
    assert parameters(resnet50(99, stem="torchvision")) == 23_508_032 + 1_100_387


@pytest.mark.parametrize(("stem", "first", "last"), [("cifar", 32, 4), ("torchvision", 8, 1)])
def test_stems_of_resnet50_keep_and_lower_the_resolution(stem, first, last):
    """D21: 3x3 stride 1 without pooling, against 7x7 stride 2 with it."""
    model = resnet50(9, stem=stem).eval()
    shapes = []
    for layer in (model.backbone.layer1, model.backbone.layer4):
        layer.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape[1:]))
    with torch.no_grad():
        z = model(normal(1, 3, 32, 32))
    assert z.shape == (1, 9) and z.norm() <= 1 + 1e-6
    assert shapes == [(256, first, first), (2048, last, last)]


@pytest.mark.parametrize(("stem", "side"), [("cifar", 4), ("torchvision", 2), ("patch", 2)])
def test_small_resnet_halves_the_image_in_each_block(stem, side):
    """Two blocks after a stem that leaves 16, 8 or 8 of 32 pixels."""
    model = small_resnet(4, stem=stem, widths=(8, 16)).eval()
    assert model.backbone[:-2](normal(1, 3, 32, 32)).shape == (1, 16, side, side)
    assert model(normal(2, 3, 20, 12)).shape == (2, 4)
    with pytest.raises(ValueError, match="Unknown stem 'vgg': expected one of cifar, torchvision, patch"):
        small_resnet(4, stem="vgg")


def test_mlp_takes_inputs_of_any_shape():
    model = mlp(2, inputs=12, width=8).eval()
    assert model(normal(3, 3, 2, 2)).shape == model(normal(3, 12)).shape == (3, 2)


def test_bfloat16_autocast_gives_float32_representations():
    with torch.autocast("cpu", torch.bfloat16):
        assert small()(normal(4, *IMAGE)).dtype == torch.float32


# Building by name


@pytest.mark.parametrize("name", ["mlp", "small_resnet"])
def test_the_seed_decides_the_weights(name):
    a, b, c = (small(seed, name).state_dict() for seed in (1, 1, 2))
    assert all(a[key].equal(b[key]) for key in a)
    assert any(not a[key].equal(c[key]) for key in a)


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    small(3)
    with pytest.raises(ValueError):
        small(3, normalization="cube")
    assert torch.get_rng_state().equal(before)


def test_resnet50_is_built_by_name_with_its_stem():
    a, b = (small(5, "resnet50", stem=stem) for stem in ("cifar", "torchvision"))
    assert a.backbone.conv1.kernel_size == (3, 3) and b.backbone.conv1.kernel_size == (7, 7)
    assert a.head[-1].out_features == 4


def test_normalization_is_passed_on():
    assert small(normalization="unit_sphere").normalization == "unit_sphere"


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Unknown encoder 'vit': expected 'resnet50', 'small_resnet' or 'mlp'"):
        small(name="vit")
    with pytest.raises(ValueError, match="Unknown normalization 'cube': expected one of unit_ball, unit_sphere, none"):
        small(normalization="cube")
    with pytest.raises(ValueError, match="Unknown stem 'vgg': expected one of cifar, torchvision"):
        resnet50(3, stem="vgg")
