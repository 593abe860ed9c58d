"""Data sets: generated, made up in all the layouts on disk, and the real archives where they are."""

import hashlib
import io
import itertools
import os
import pickle
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from hcl.training import data, images
from hcl.training.data import DataError

REAL = Path(os.environ.get("HCL_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache folder of a user who has none yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hcl"


@pytest.fixture
def any_count(monkeypatch):
    """Take data sets of a few images."""
    monkeypatch.setattr(images, "_check_counts", lambda *arguments: None)


@pytest.fixture
def no_network(monkeypatch):
    def fail(*arguments, **options):
        raise URLError("no network")

    monkeypatch.setattr(torchvision.datasets.cifar, "download_and_extract_archive", fail)


def write_image(path, color, size=32, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (size, size), color).save(path, "JPEG", quality=95)


def pack(folder, archive):
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, arcname=folder.name)


# Generated data


def test_synthetic_has_three_classes_of_100_points_as_images():
    """Sec. 5, D30."""
    made = data.synthetic()
    assert made.train.shape == made.test.shape == (300, 3, 32, 32) and made.train.dtype == torch.float32
    assert made.train_labels.bincount().tolist() == made.test_labels.bincount().tolist() == [100, 100, 100]
    assert made.train_labels.dtype == torch.int64 and made.num_classes == 3 and made.image_shape == (3, 32, 32)
    assert not made.train.equal(made.test)


def test_synthetic_class_means_are_uniform_and_covariances_the_identity():
    made = data.synthetic(4)
    x = made.train.view(3, 100, 3072).double()
    means = x.mean(1)  # standard error .1
    assert means.mean().abs() < 0.03 and means.abs().max() < 1.6
    assert float(means.var()) == pytest.approx(1 / 3 + 1 / 100, abs=0.02)
    residual = x - means[:, None]
    assert float(residual.var(1).mean()) == pytest.approx(1, abs=0.01)
    gram = torch.einsum("cnd,cnd->cd", residual[..., :-1], residual[..., 1:]) / 100  # neighbouring dimensions
    assert gram.mean().abs() < 0.01 and float(gram.var()) == pytest.approx(1 / 100, rel=0.1)


def test_synthetic_train_and_test_share_their_class_means():
    made = data.synthetic()
    difference = (made.train - made.test).view(3, 100, -1).mean(1)
    assert float(difference.std()) == pytest.approx((2 / 100) ** 0.5, rel=0.1)


def test_synthetic_is_decided_by_its_seed_alone():
    before = torch.get_rng_state()
    prints = [data.synthetic(seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]
    assert torch.get_rng_state().equal(before)


def test_digits_are_repeated_grey_uint8_images():
    digits = data.digits()
    assert digits.train.shape == (1297, 3, 8, 8) and digits.test.shape == (500, 3, 8, 8)
    assert digits.train.dtype == torch.uint8 and digits.train.max() == 255
    assert digits.train[:, 0].equal(digits.train[:, 1]) and digits.train[:, 0].equal(digits.train[:, 2])
    assert digits.num_classes == 10 and digits.train_labels.dtype == torch.int64
    assert data.digits().fingerprint == digits.fingerprint


def test_normalize_scales_images_and_leaves_floats_alone():
    """D22."""
    x = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].repeat(1, 3, 2, 2)
    y = data.normalize(x)
    assert y.dtype == torch.float32
    for channel, (mean, std) in enumerate(zip((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), strict=True)):
        assert y[:, channel, 0, 0].tolist() == pytest.approx([-mean / std, (1 - mean) / std], rel=1e-5)
    assert data.normalize(y) is y


# Subsets and fingerprints


def test_a_subset_holds_the_first_images_of_each_class_in_order():
    digits = data.digits()
    part = digits.subset(60, 20)
    assert part.train_labels.bincount().tolist() == [6] * 10 and part.test_labels.bincount().tolist() == [2] * 10
    chosen = sorted(i for c in range(10) for i in [i for i, y in enumerate(digits.train_labels.tolist()) if y == c][:6])
    assert part.train.equal(digits.train[chosen]) and part.train_labels.equal(digits.train_labels[chosen])


def test_none_keeps_a_split_whole():
    digits = data.digits()
    assert digits.subset(None, None).fingerprint == digits.fingerprint
    part = digits.subset(None, 10)
    assert part.train.equal(digits.train) and len(part.test) == 10


@pytest.mark.parametrize(
    ("numbers", "split"),
    [
        ((15, None), "training"), ((0, None), "training"), ((-10, None), "training"), ((10_000, None), "training"),
        ((None, 5), "test"), ((None, 5000), "test"),
    ],
)  # fmt: skip
def test_impossible_subsets_are_refused(numbers, split):
    message = rf"Cannot take -?\d+ {split} images: expected a multiple of 10 classes, at most"
    with pytest.raises(ValueError, match=message):
        data.digits().subset(*numbers)


def test_the_fingerprint_changes_with_a_pixel_a_label_or_the_dtype():
    digits = data.digits().subset(20, 20)
    test, labels = digits.test.clone(), digits.train_labels.clone()
    test[3, 1, 2, 2] ^= 1
    labels[0] = (labels[0] + 1) % 10
    changes = ({}, {"test": test}, {"train_labels": labels}, {"train": digits.train.to(torch.int16)})
    prints = {replace(digits, **change).fingerprint for change in changes}
    assert len(prints) == 4 and all(len(p) == 16 for p in prints)
    assert replace(digits, name="other", source="elsewhere").fingerprint == digits.fingerprint


# Reading images


def test_grey_images_are_repeated_and_large_ones_averaged(tmp_path):
    write_image(tmp_path / "grey.jpg", 77, mode="L")
    grey = images.decode((tmp_path / "grey.jpg").read_bytes(), 32, "grey.jpg")
    assert grey.shape == (32, 32, 3) and grey.dtype == np.uint8 and np.abs(grey.astype(int) - 77).max() <= 1
    checks = io.BytesIO()
    Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 200).astype(np.uint8)).save(checks, "PNG")
    assert (images.decode(checks.getvalue(), 32, "checks.png") == 100).all()


def test_an_unreadable_image_is_named():
    with pytest.raises(DataError, match=r"train/cat/1.jpg is not a readable image"):
        images.decode(b"no image", 32, "train/cat/1.jpg")
    whole = io.BytesIO()
    Image.effect_noise((32, 32), 90).save(whole, "JPEG")
    with pytest.raises(DataError, match="copy the data set again"):
        images.decode(whole.getvalue()[:300], 32, "1.jpg")


def write_cifar10(root):
    """Write two classes of three and two images; the colour tells split, class and number."""
    for split, name, number in itertools.product(("train", "test"), ("frog", "cat"), range(3)):
        if (split, number) != ("test", 2):
            color = (100 * (split == "test"), 100 * (name == "frog"), 50 * number)
            write_image(root / "cifar10" / split / name / f"{number:04d}.jpg", color)
    return root / "cifar10"


def assert_made_up_cifar10(found):
    assert found.train.shape == (6, 3, 32, 32) and found.test.shape == (4, 3, 32, 32)
    assert found.train.dtype == torch.uint8 and found.train_labels.dtype == torch.int64
    assert found.train_labels.tolist() == [0, 0, 0, 1, 1, 1] and found.test_labels.tolist() == [0, 0, 1, 1]
    expected = [[0, 100 * c, 50 * i] for c in range(2) for i in range(3)]
    assert (found.train.float().mean((2, 3)) - torch.tensor(expected)).abs().max() < 4
    assert (found.test[:, 0].float() - 100).abs().max() < 4


@pytest.mark.usefixtures("any_count")
def test_cifar10_is_read_from_an_image_folder(tmp_path):
    """Classes in alphabetical order, images by name."""
    write_cifar10(tmp_path)
    found = data.cifar10(tmp_path)
    assert_made_up_cifar10(found)
    assert found.source == "image folder cifar10"


@pytest.mark.usefixtures("any_count")
def test_cifar10_is_read_from_an_archive_and_equals_the_folder(tmp_path, cache):
    folder = write_cifar10(tmp_path)
    whole = data.cifar10(tmp_path).fingerprint
    pack(folder, tmp_path / "cifar10.tar.xz")
    folder.rename(tmp_path / "elsewhere")
    found = data.cifar10(tmp_path)
    assert_made_up_cifar10(found)
    assert found.fingerprint == whole and found.source == "archive cifar10.tar.xz"
    assert [path.suffix for path in cache.iterdir()] == [".npz"]
    assert data.cifar10(str(tmp_path)).fingerprint == whole  # from the cache, and given as text


@pytest.mark.usefixtures("any_count")
def test_the_cache_is_used_until_the_archive_changes(tmp_path, cache, monkeypatch):
    folder = write_cifar10(tmp_path)
    archive = tmp_path / "cifar10.tar.xz"
    pack(folder, archive)
    (tmp_path / "new").mkdir()
    folder = folder.rename(tmp_path / "new" / "cifar10")
    decoded = []
    read = data.read_cifar10
    monkeypatch.setattr(data, "read_cifar10", lambda source: decoded.append(source) or read(source))
    first, second = (data.cifar10(tmp_path).fingerprint for _ in range(2))
    assert first == second and len(decoded) == 1
    write_image(folder / "train" / "cat" / "0000.jpg", (255, 255, 255))
    pack(folder, archive)
    os.utime(archive, ns=(0, archive.stat().st_mtime_ns + 10**9))
    assert data.cifar10(tmp_path).fingerprint != first and len(decoded) == 2


def arrays():
    return {"train_images": np.arange(6)}


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert images.cached("x", [tmp_path / "file"], arrays)["train_images"].tolist() == list(range(6))


def test_a_full_disk_leaves_no_half_written_cache(tmp_path, cache, monkeypatch):
    def full(file, **content):
        write = file.write if hasattr(file, "write") else Path(file).write_bytes
        write(b"half")
        raise OSError("No space left on device")

    (tmp_path / "archive").write_text("")
    monkeypatch.setattr(np, "savez", full)
    assert images.cached("x", [tmp_path / "archive"], arrays)["train_images"].tolist() == list(range(6))
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("no_network", "cache")
@pytest.mark.parametrize("packed", [False, True])
def test_an_incomplete_cifar10_is_refused(tmp_path, packed):
    folder = write_cifar10(tmp_path)
    if packed:
        pack(folder, tmp_path / "cifar10.tar.xz")
        folder.rename(tmp_path / "elsewhere")
    message = r"expected 10 classes of 5000 train images, found 2 classes; '(cat|frog)' has 3.*copy it again"
    with pytest.raises(DataError, match=message):
        data.cifar10(tmp_path)


@pytest.mark.usefixtures("any_count")
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.95])
def test_a_truncated_archive_is_refused_and_not_cached(tmp_path, cache, share):
    folder = write_cifar10(tmp_path)
    (folder / "train" / "cat" / "noise.bin").write_bytes(np.random.default_rng(0).bytes(100_000))
    archive = tmp_path / "cifar10.tar.xz"
    pack(folder, archive)
    folder.rename(tmp_path / "elsewhere")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"(?s)cifar10.tar.xz is truncated or no tar archive .*: copy it again"):
        data.cifar10(tmp_path)
    assert not cache.exists()


# What systems and editors leave behind


JUNK = (
    ".DS_Store", "Thumbs.db", "desktop.ini", "._0000.jpg", "._n2_0.JPEG", "._wnids.txt", ".ipynb_checkpoints/0000.jpg",
    ".ipynb_checkpoints/n2_0.JPEG", ".ipynb_checkpoints/wnids.txt", "__MACOSX/0000.jpg",
)  # fmt: skip


def litter(folder):
    """Leave junk in a folder and in every one below it."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        for name in JUNK:
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_bytes(b"\0\5\x16\7 no image")


@pytest.mark.usefixtures("any_count", "cache")
@pytest.mark.parametrize("packed", [False, True])
def test_what_systems_leave_in_folders_is_passed_over(tmp_path, packed):
    cifar, tiny = write_cifar10(tmp_path), write_tinyimagenet(tmp_path)
    for folder in (cifar, tiny):
        litter(folder)
        if packed:
            pack(folder, tmp_path / f"{folder.name}.tar.xz")
            folder.rename(tmp_path / f"elsewhere-{folder.name}")
    assert_made_up_cifar10(data.cifar10(tmp_path))
    assert_made_up_tinyimagenet(data.tinyimagenet(tmp_path), 3)


@pytest.mark.usefixtures("any_count")
def test_folders_that_are_links_are_followed_and_loops_are_not(tmp_path):
    cifar, tiny = write_cifar10(tmp_path), write_tinyimagenet(tmp_path)
    for folder in (cifar / "train" / "cat", cifar / "test", tiny / "train" / "n1", tiny / "val" / "images"):
        there = tmp_path / "elsewhere" / folder.relative_to(tmp_path)
        there.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(there)
        folder.symlink_to(there)
    (cifar / "train" / "frog" / "loop").symlink_to(cifar)
    assert_made_up_cifar10(data.cifar10(tmp_path))
    assert_made_up_tinyimagenet(data.tinyimagenet(tmp_path), 3)


@pytest.mark.usefixtures("any_count")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_lists_with_a_byte_order_mark_or_other_line_ends_are_read(tmp_path, end):
    folder = write_tinyimagenet(tmp_path)
    for path in (folder / "wnids.txt", folder / "val" / "val_annotations.txt"):
        lines = path.read_text().splitlines()
        path.write_bytes(b"\xef\xbb\xbf" + (end.join(lines) + end).encode())
    assert_made_up_tinyimagenet(data.tinyimagenet(tmp_path), 3)


@pytest.mark.usefixtures("any_count")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("n2\u20ac".encode("utf-16"), "wnids.txt is no text in UTF-8"),
        (b"val_0.JPEG n2", "val_annotations.txt has the line 'val_0.JPEG n2'; expected file, tab, class"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(tmp_path, content, message):
    folder = write_tinyimagenet(tmp_path)
    name = message.split()[0]
    next(folder.rglob(name)).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        data.tinyimagenet(tmp_path)
    assert "\n" not in str(caught.value)


def broken_png():
    whole = io.BytesIO()
    Image.effect_noise((32, 32), 90).save(whole, "PNG")
    return whole.getvalue().replace(b"IDAT", b"IDAX")


@pytest.mark.usefixtures("any_count", "cache")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", [b"", b"no image", broken_png()], ids=["empty", "text", "png"])
def test_an_image_that_cannot_be_read_is_named_in_one_line(tmp_path, content, packed):
    folder = write_cifar10(tmp_path)
    (folder / "train" / "cat" / "0001.jpg").write_bytes(content)
    if packed:
        pack(folder, tmp_path / "cifar10.tar.xz")
        folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"train/cat/0001.jpg is not a readable image") as caught:
        data.cifar10(tmp_path)
    assert "\n" not in str(caught.value) and " at 0x" not in str(caught.value)


@pytest.mark.usefixtures("any_count", "cache")
def test_an_archive_with_a_link_to_nothing_is_refused(tmp_path):
    folder = write_cifar10(tmp_path)
    (folder / "train" / "cat" / "0009.jpg").symlink_to("gone.jpg")
    pack(folder, tmp_path / "cifar10.tar.xz")
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"cifar10.tar.xz is truncated or no tar archive"):
        data.cifar10(tmp_path)


@pytest.mark.usefixtures("any_count")
@pytest.mark.parametrize("damage", ["a bit", "half", "empty", "text", "folder"])
def test_a_damaged_cache_is_made_again_with_one_warning(tmp_path, cache, damage):
    pack(write_cifar10(tmp_path), tmp_path / "cifar10.tar.xz")
    (tmp_path / "cifar10").rename(tmp_path / "elsewhere")
    whole = data.cifar10(tmp_path).fingerprint
    (kept,) = cache.iterdir()
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"a bit": bytes(content), "half": content[: len(content) // 2], "empty": b"", "text": b"no archive"}
    if damage == "folder":
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_bytes(damaged[damage])
    with pytest.warns(UserWarning, match="is damaged .*: the data set is read from its archive again") as caught:
        assert data.cifar10(tmp_path).fingerprint == whole
    assert len(caught) == 1
    if damage != "folder":
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert data.cifar10(tmp_path).fingerprint == whole, "the cache is whole again"


@pytest.mark.usefixtures("any_count")
def test_a_user_without_a_home_has_no_cache(tmp_path, monkeypatch):
    pack(write_cifar10(tmp_path), tmp_path / "cifar10.tar.xz")
    (tmp_path / "cifar10").rename(tmp_path / "elsewhere")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user of no HOME and no entry
    for cache_home in (lambda: monkeypatch.delenv("XDG_CACHE_HOME", raising=False),
                       lambda: monkeypatch.setenv("XDG_CACHE_HOME", "")):  # fmt: skip
        cache_home()
        assert_made_up_cifar10(data.cifar10(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data.cifar10(tmp_path)
    assert len(list((tmp_path / "cache" / "hcl").iterdir())) == 1


# Tiny-ImageNet


def write_tinyimagenet(root, first=0, stop=3):
    """Write classes n2, n1, n0 (in this order) with two training images and a validation image each, of 64x64."""
    folder, wnids = root / "tiny-imagenet-200", ["n2", "n1", "n0"]
    for y, wnid in list(enumerate(wnids))[first:stop]:
        for i in range(2):
            write_image(folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", (80 * y, 100 * i, 0), 64)
        write_image(folder / "val" / "images" / f"val_{y}.JPEG", 60 * y + 30, 64, mode="L")
    (folder / "wnids.txt").write_text("\n".join(wnids))
    (folder / "words.txt").write_text("n0\tthing")
    lines = [f"val_{y}.JPEG\t{wnid}\t0\t32\t44\t62\n" for y, wnid in enumerate(wnids)]
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    return folder


def assert_made_up_tinyimagenet(found, classes):
    """Classes in the order of wnids.txt, images averaged down to 32x32, grey ones repeated."""
    assert found.train.shape == (2 * classes, 3, 32, 32) and found.test.shape == (classes, 3, 32, 32)
    assert found.train_labels.tolist() == [y for y in range(classes) for _ in range(2)]
    assert found.test_labels.tolist() == list(range(classes))
    expected = [[80 * y, 100 * i, 0] for y in range(classes) for i in range(2)]
    assert (found.train.float().mean((2, 3)) - torch.tensor(expected)).abs().max() < 4
    grey = torch.tensor([60 * y + 30 for y in range(classes)])[:, None]
    assert (found.test.float().mean((2, 3)) - grey).abs().max() < 2


@pytest.mark.usefixtures("any_count")
def test_tinyimagenet_is_read_from_its_folder(tmp_path):
    write_tinyimagenet(tmp_path)
    found = data.tinyimagenet(tmp_path)
    assert_made_up_tinyimagenet(found, 3)
    assert found.source == "folder tiny-imagenet-200"


@pytest.mark.usefixtures("any_count")
def test_tinyimagenet_is_read_from_archives_that_share_the_classes(tmp_path, cache):
    for part, (first, stop) in enumerate(((0, 1), (1, 3))):
        (tmp_path / str(part)).mkdir()
        pack(write_tinyimagenet(tmp_path / str(part), first, stop), tmp_path / f"tiny-imagenet-200.part{part}.tar.xz")
    found = data.tinyimagenet(tmp_path)
    assert_made_up_tinyimagenet(found, 3)
    assert found.source == "2 archives tiny-imagenet-200*.tar.xz"
    assert data.tinyimagenet(tmp_path).fingerprint == found.fingerprint and len(list(cache.iterdir())) == 1


@pytest.mark.usefixtures("any_count")
def test_the_first_classes_of_tinyimagenet_are_the_first_of_wnids(tmp_path):
    folder = write_tinyimagenet(tmp_path)
    read = images.read_tinyimagenet(folder, 2)
    assert_made_up_tinyimagenet(data._from_arrays("tiny", read, "folder"), 2)


def test_an_incomplete_tinyimagenet_is_refused(tmp_path):
    folder = write_tinyimagenet(tmp_path)
    with pytest.raises(DataError, match="expected 200 classes of 500 train images, found 3 classes; 'n2' has 2"):
        data.tinyimagenet(tmp_path)
    (folder / "val" / "val_annotations.txt").unlink()
    with pytest.raises(DataError, match=r"has no val_annotations.txt: this is not Tiny-ImageNet"):
        data.tinyimagenet(tmp_path)


@pytest.mark.usefixtures("cache")
def test_an_archive_without_its_top_folder_is_refused(tmp_path):
    """As packed by tar -C tiny-imagenet-200 ."""
    folder = write_tinyimagenet(tmp_path)
    with tarfile.open(tmp_path / "tiny-imagenet-200.tar.xz", "w:xz") as tar:
        tar.add(folder, arcname=".")
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="tiny-imagenet-200"):
        data.tinyimagenet(tmp_path)


# torchvision's files


def write_torchvision(kind, root, monkeypatch, labels, meta):
    """Write a training file of four images and a test file of two, and let torchvision take them."""
    folder = root / kind.base_folder
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3072), dtype=np.uint8)
    for name, part in (("train", slice(0, 4)), ("test", slice(4, 6))):
        content = {"data": pixels[part], labels: list(range(6))[part]}
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "meta").write_bytes(pickle.dumps({meta: ["a"]}))
    monkeypatch.setattr(kind, "train_list", [["train", None]])
    monkeypatch.setattr(kind, "test_list", [["test", None]])
    monkeypatch.setattr(kind, "meta", {"filename": "meta", "key": meta, "md5": None})
    return pixels.reshape(6, 3, 32, 32)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "kind", "labels", "meta"),
    [
        ("cifar10", torchvision.datasets.CIFAR10, "labels", "label_names"),
        ("cifar100", torchvision.datasets.CIFAR100, "fine_labels", "fine_label_names"),
    ],
)
def test_cifar_is_read_from_torchvisions_files(tmp_path, monkeypatch, name, kind, labels, meta):
    pixels = write_torchvision(kind, tmp_path, monkeypatch, labels, meta)
    write_cifar10(tmp_path)  # torchvision's files, the originals, come first
    found = data.load(name, tmp_path)
    assert found.train.numpy().tolist() == pixels[:4].tolist() and found.test.numpy().tolist() == pixels[4:].tolist()
    assert found.train_labels.tolist() == [0, 1, 2, 3] and found.test_labels.tolist() == [4, 5]
    assert found.source == f"torchvision's {kind.base_folder}"


@pytest.mark.usefixtures("no_network")
def test_torchvision_files_that_are_not_the_original_are_refused(tmp_path):
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"half")
    with pytest.raises(DataError, match="cifar100 is truncated or not the original"):
        data.cifar100(tmp_path)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("cifar10", ["cifar-10-batches-py", "cifar10", "cifar10.tar.xz"]),
        ("cifar100", ["cifar-100-python"]),
        ("tinyimagenet", ["tiny-imagenet-200", "tiny-imagenet-200*.tar.xz"]),
        ("tinyimagenet100", ["tiny-imagenet-200"]),
    ],
)
def test_missing_data_names_the_paths_looked_for_and_hcl_data(tmp_path, monkeypatch, name, paths, given):
    """The folder is given, or by the environment variable."""
    monkeypatch.setenv("HCL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"^{name} not found: looked for") as caught:
        data.load(name, tmp_path if given else None)
    assert "HCL_DATA" in str(caught.value)
    assert all(str(tmp_path / path) in str(caught.value) for path in paths)


def test_nothing_is_fetched_unless_asked_for(tmp_path, monkeypatch):
    def fetched(*arguments, **options):
        pytest.fail("tried to download")

    monkeypatch.setattr(torchvision.datasets.cifar, "download_and_extract_archive", fetched)
    for load in (data.cifar10, data.cifar100):
        with pytest.raises(DataError, match="not found"):
            load(tmp_path, download=False)


# By name


def test_every_data_set_has_a_number_of_classes():
    assert set(data.DATASETS) == set(data.NUM_CLASSES)
    for name in ("synthetic", "digits"):
        assert data.load(name).num_classes == data.NUM_CLASSES[name] and data.load(name).name == name


def test_load_passes_the_seed_to_the_synthetic_data():
    assert data.load("synthetic", seed=3).fingerprint == data.synthetic(3).fingerprint


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Unknown data set 'mnist': expected one of synthetic, digits, cifar10"):
        data.load("mnist")


# The real archives


@pytest.mark.skipif(not (REAL / "cifar10.tar.xz").exists(), reason="no cifar10.tar.xz")
def test_real_cifar10_is_complete():
    """Decodes it once, some twenty seconds, through the user's own cache."""
    found = data.cifar10(REAL)
    assert found.train.shape == (50_000, 3, 32, 32) and found.test.shape == (10_000, 3, 32, 32)
    assert found.train_labels.bincount().tolist() == [5000] * 10
    assert found.test_labels.bincount().tolist() == [1000] * 10
    mean = found.train.double().mean((0, 2, 3)) / 255
    assert mean.tolist() == pytest.approx(data.IMAGE_MEAN, abs=0.002)  # D22, up to the JPEG copy


@pytest.mark.skipif(not list(REAL.glob("tiny-imagenet-200*.tar.xz")), reason="no tiny-imagenet-200*.tar.xz")
def test_real_tinyimagenet_archives_begin_with_the_lists_and_images():
    files = images.read_files(sorted(REAL.glob("tiny-imagenet-200*.tar.xz")))
    head = {"/".join(parts): content for parts, content in itertools.islice(files, 5)}
    wnids = head["wnids.txt"].decode().split()
    annotations = [line.split("\t")[:2] for line in head["val/val_annotations.txt"].decode().splitlines()]
    assert len(set(wnids)) == 200 and len(annotations) == 10_000
    assert {wnid for _, wnid in annotations} == set(wnids)
    name = next(name for name in head if name.endswith(".JPEG"))
    assert name.startswith(f"train/{wnids[0]}/images/")
    assert images.decode(head[name], 32, name).shape == (32, 32, 3)


@pytest.mark.skipif(not (REAL / "SHA256SUMS").exists(), reason="no SHA256SUMS")
def test_real_cifar10_archive_has_its_checksum():
    sums = dict(reversed(line.split()) for line in (REAL / "SHA256SUMS").read_text().splitlines())
    content = (REAL / "cifar10.tar.xz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == sums["cifar10.tar.xz"]


@pytest.mark.parametrize("name", ["synthetic", "digits"])
def test_the_number_of_training_images_is_that_of_the_data(name):
    assert len(data.load(name).train) == data.NUM_TRAIN[name] and set(data.NUM_TRAIN) == set(data.DATASETS)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cifar10", "cifar-10-batches-py"), ("cifar10", "cifar10.tar.xz"), ("cifar100", "cifar-100-python"),
        ("tinyimagenet", "tiny-imagenet-200"), ("tinyimagenet100", "tiny-imagenet-200.part0.tar.xz"),
    ],
)  # fmt: skip
def test_available_looks_for_the_files(name, file, tmp_path):
    assert not data.available(name, tmp_path)
    (tmp_path / file).touch()
    assert data.available(name, tmp_path)
    assert data.available("digits", tmp_path) and data.available("synthetic", tmp_path)
