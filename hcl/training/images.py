"""Reading image data sets from folders and .tar.xz archives into uint8 arrays."""

import hashlib
import io
import lzma
import os
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from hcl.errors import HclError
from hcl.training import files

Arrays = dict[str, np.ndarray]
_CACHE_FORMAT = 1
_JUNK = ("__macosx", "thumbs.db", "desktop.ini")  # what systems leave in folders, besides what begins with a dot


class DataError(HclError, RuntimeError):
    """A data set is missing, truncated or not what it should be; the message says what to do."""


def read_files(source: Path | list[Path]) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield (path parts inside the data set's folder, content) of every file of a folder or of tar archives.

    Folders that are links are followed. What the system left there is passed over: hidden files and folders, such as
    ``.DS_Store`` and ``._x``, ``Thumbs.db``, ``__MACOSX``.

    Args:
        source: a folder, or archives whose members all lie in one top folder.

    Raises:
        DataError: if an archive is truncated or not a tar archive, or a file cannot be read.
    """
    if isinstance(source, Path):
        for parts in _parts_below(source):
            path = source.joinpath(*parts)
            try:
                content = path.read_bytes()
            except OSError as error:
                raise DataError(f"{path} cannot be read ({error.strerror}): copy the data set again.") from error
            yield parts, content
        return
    for archive in source:
        try:
            with tarfile.open(archive) as tar:
                for member in tar:
                    whole = Path(member.name).parts
                    if len(whole) < 2 or any(map(_is_junk, whole)):
                        continue
                    if (file := tar.extractfile(member)) is not None:
                        yield whole[1:], file.read()
        except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, KeyError) as error:
            raise DataError(f"{archive} is truncated or no tar archive ({error}): copy it again.") from error


def _parts_below(
    folder: Path, parts: tuple[str, ...] = (), above: frozenset[Path] = frozenset()
) -> Iterator[tuple[str, ...]]:
    """Yield the parts of every file below a folder, in order; a link to a folder that it lies in is not followed."""
    here = folder.joinpath(*parts)
    above |= {here.resolve()}
    for path in sorted(here.iterdir()):
        if _is_junk(path.name):
            continue
        if not path.is_dir():
            yield (*parts, path.name)
        elif path.resolve() not in above:
            yield from _parts_below(folder, (*parts, path.name), above)


def _is_junk(name: str) -> bool:
    return (name.startswith(".") and name not in (".", "..")) or name.lower() in _JUNK


def decode(content: bytes, size: int, where: str) -> np.ndarray:
    """Return an encoded image as (size, size, 3) uint8, grey ones repeated, larger ones averaged down by area.

    Raises:
        DataError: if it cannot be decoded.
    """
    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        why = "of no known format" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(f"{where} is not a readable image ({why}): copy the data set again.") from error
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BOX)
    return np.asarray(image)


def read_cifar10(source: Path | list[Path]) -> Arrays:
    """Return CIFAR-10 from ``{train,test}/<class>/NNNN.jpg``, classes in alphabetical order, which is CIFAR's.

    Raises:
        DataError: unless there are 10 classes of 5,000 and 1,000 images.
    """
    found: dict[str, dict[str, list[tuple[str, np.ndarray]]]] = {"train": {}, "test": {}}
    for parts, content in read_files(source):
        if len(parts) == 3 and parts[0] in found:
            split, name, file = parts
            found[split].setdefault(name, []).append((file, decode(content, 32, "/".join(parts))))
    for split, count in (("train", 5000), ("test", 1000)):
        _check_counts(source, split, {name: len(items) for name, items in found[split].items()}, 10, count)
    return _stack({split: [images for _, images in sorted(found[split].items())] for split in found})


def read_tinyimagenet(source: Path | list[Path], num_classes: int) -> Arrays:
    """Return the first classes of ``wnids.txt`` of Tiny-ImageNet at 32x32 (D23); its labelled val split is the test.

    Raises:
        DataError: unless each class has its 500 training and 50 validation images.
    """
    encoded: dict[str, dict[str, list[tuple[str, bytes]]]] = {"train": {}, "test": {}}
    validation: dict[str, bytes] = {}
    text: dict[str, str] = {}
    for parts, content in read_files(source):
        if parts[-1] in ("wnids.txt", "val_annotations.txt"):
            text[parts[-1]] = _list(content, source, parts[-1])
        elif parts[-1].endswith(".JPEG") and parts[0] == "train":
            encoded["train"].setdefault(parts[1], []).append((parts[-1], content))
        elif parts[-1].endswith(".JPEG") and parts[0] == "val":
            validation[parts[-1]] = content
    if missing := {"wnids.txt", "val_annotations.txt"} - set(text):
        raise DataError(f"{source} has no {' and no '.join(sorted(missing))}: this is not Tiny-ImageNet.")
    for file, wnid in _annotations(text["val_annotations.txt"], source):
        if file in validation:
            encoded["test"].setdefault(wnid, []).append((file, validation[file]))
    wnids = text["wnids.txt"].split()[:num_classes]
    for split, count in (("train", 500), ("test", 50)):
        _check_counts(source, split, {w: len(encoded[split].get(w, [])) for w in wnids}, num_classes, count)
    return _stack(
        {
            split: [[(file, decode(content, 32, file)) for file, content in classes[wnid]] for wnid in wnids]
            for split, classes in encoded.items()
        }
    )


def _list(content: bytes, source: object, name: str) -> str:
    """Return the text of a list, without the mark that some editors put before it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{source}: {name} is no text in UTF-8 ({error}): copy it again.") from error


def _annotations(text: str, source: object) -> Iterator[tuple[str, str]]:
    """Yield (file, class) of every line of ``val_annotations.txt``."""
    for line in filter(str.strip, text.splitlines()):
        file, separator, rest = line.partition("\t")
        if not separator:
            raise DataError(f"{source}: val_annotations.txt has the line {line!r}; expected file, tab, class, box.")
        yield file.strip(), rest.split("\t")[0].strip()


def _stack(classes: dict[str, list[list[tuple[str, np.ndarray]]]]) -> Arrays:
    """Return (n, 3, h, w) images and labels a split, ordered by class, then by file name."""
    arrays: Arrays = {}
    for split, items in classes.items():
        ordered = [image for files in items for _, image in sorted(files, key=lambda item: item[0])]
        arrays[f"{split}_images"] = np.stack(ordered).transpose(0, 3, 1, 2).copy()
        arrays[f"{split}_labels"] = np.repeat(np.arange(len(items)), [len(files) for files in items])
    return arrays


def _check_counts(source: object, split: str, counts: dict[str, int], num_classes: int, count: int) -> None:
    wrong = {name: n for name, n in counts.items() if n != count}
    if len(counts) == num_classes and not wrong:
        return
    example = "".join(f"; {name!r} has {n}" for name, n in list(wrong.items())[:1])
    raise DataError(
        f"{source}: expected {num_classes} classes of {count} {split} images, found {len(counts)} classes{example}. "
        "It is incomplete or another data set: copy it again."
    )


def cached(name: str, archives: Iterable[Path], read: Callable[[], Arrays]) -> Arrays:
    """Return ``read()``, kept decoded in the user's cache folder until the archives change.

    Decoding takes some twenty seconds, as long as several epochs. A cache that cannot be written is done without, and
    one that is damaged is made again, with a warning.
    """
    stamp = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in archives]
    key = hashlib.sha256(repr((_CACHE_FORMAT, stamp)).encode()).hexdigest()[:16]
    folder = _cache_folder()
    if folder is None:
        return read()
    path = folder / f"{name}-{key}.npz"
    try:
        with path.open("rb") as file, np.load(file) as stored:  # with its checksums
            return dict(stored)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        warnings.warn(f"{path} is damaged ({error}): the data set is read from its archive again.", stacklevel=3)
    arrays = read()
    try:
        with files.replacing(path, mode=0o644) as part, part.open("wb") as whole:
            np.savez(whole, **arrays)  # type: ignore[arg-type]
    except OSError:
        pass
    return arrays


def _cache_folder() -> Path | None:
    """Return the library's folder in the user's cache; None for a user who has no home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "hcl"
    except RuntimeError:
        return None
